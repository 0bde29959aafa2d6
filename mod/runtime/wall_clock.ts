/** Milliseconds since 1970 (UTC), for what people read. It may step at any moment: nothing is decided by it. */
export type WallClock = () => number;

export const systemWallClock: WallClock = () => Date.now();
