/**
 * The C library, opened once for the process (once for each worker). The only `Deno.dlopen` of the program.
 *
 * Every call here is synchronous but `pollParked` and those named `…Aside`, which run on a pool thread: `errno` belongs to the calling
 * thread, so a call whose error matters must never be `nonblocking` (its errno stays behind there). Results of type `ssize_t` are declared `i32`, which is exact below
 * 2 GiB on both machines. Structures are byte arrays that the callers fill themselves.
 */
const library = Deno.dlopen(
  "libc.so.6",
  {
    errnoLocation: { name: "__errno_location", parameters: [], result: "pointer" },
    socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
    close: { parameters: ["i32"], result: "i32" },
    bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
    listen: { parameters: ["i32", "i32"], result: "i32" },
    accept4: { parameters: ["i32", "buffer", "buffer", "i32"], result: "i32" },
    shutdown: { parameters: ["i32", "i32"], result: "i32" },
    ioctl: { parameters: ["i32", "usize", "buffer"], result: "i32" },
    getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
    setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
    getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
    sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "i32" },
    recvfrom: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"], result: "i32" },
    sendtoAside: {
      name: "sendto",
      parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"],
      result: "i32",
      nonblocking: true,
    },
    recvfromAside: {
      name: "recvfrom",
      parameters: ["i32", "buffer", "usize", "i32", "buffer", "buffer"],
      result: "i32",
      nonblocking: true,
    },
    recvmsg: { parameters: ["i32", "buffer", "i32"], result: "i32" },
    poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
    pollParked: { name: "poll", parameters: ["buffer", "usize", "i32"], result: "i32", nonblocking: true },
    eventfd: { parameters: ["u32", "i32"], result: "i32" },
    read: { parameters: ["i32", "buffer", "usize"], result: "i32" },
    write: { parameters: ["i32", "buffer", "usize"], result: "i32" },
    open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
    unshare: { parameters: ["i32"], result: "i32" },
    setns: { parameters: ["i32", "i32"], result: "i32" },
    getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
    setpriority: { parameters: ["i32", "u32", "i32"], result: "i32" },
    getpriority: { parameters: ["i32", "u32"], result: "i32" },
    setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
    mallocTrim: { name: "malloc_trim", parameters: ["usize"], result: "i32" },
    epollCreate: { name: "epoll_create1", parameters: ["i32"], result: "i32" },
    epollCtl: { name: "epoll_ctl", parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
    epollWait: { name: "epoll_wait", parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
    send: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
    recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "i32" },
    /** With a command that takes a number. */
    fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
    /** Number of the call, descriptor, buffer and its size: the function `getdents64` is missing before glibc 2.30. */
    readFolder: { name: "syscall", parameters: ["usize", "usize", "buffer", "usize"], result: "i32" },
  } as const,
);

/** The functions of the C library, see the file's head for the rules. */
export const libc = library.symbols;

/** Text as the C library wants it: UTF-8 with a closing zero. */
export function cString(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}
