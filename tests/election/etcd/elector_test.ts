import { electorContract } from "../../contracts/elector.ts";
import { EtcdElectorate } from "./electorate.ts";

electorContract("etcd", () => Promise.resolve(new EtcdElectorate()));
