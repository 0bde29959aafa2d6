import { FileStorage } from "../../../mod/election/raft/file_storage.ts";
import { storageContract } from "../../contracts/storage.ts";
import { MemoryDisk, MemoryStorage } from "../../fakes/memory_storage.ts";

storageContract("memory", () => {
  const disk = new MemoryDisk();
  return Promise.resolve({ mount: () => new MemoryStorage(disk), dispose: () => Promise.resolve() });
});

storageContract("a file", async () => {
  const directory = await Deno.makeTempDir();
  const owner = { member: "a", cluster: "test" };
  return {
    mount: () => new FileStorage(`${directory}/state`, owner),
    dispose: () => Deno.remove(directory, { recursive: true }),
  };
});
