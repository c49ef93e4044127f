// Virtual time for the interpreter: Date, setTimeout, clearTimeout and
// Math.random are replaced before it is loaded. Timers wait in a queue until
// the rehearsal says that time has come; nothing here ever waits for real.

const RealDate = Date;
const timers = new Map();
let now = 0;
let lastId = 0;

class VirtualDate extends RealDate {
  constructor(...args) {
    if (args.length === 0) {
      super(now);
    } else {
      super(...args);
    }
  }

  static now() {
    return now;
  }
}

// install replaces the globals. The interpreter draws jitter and UUIDs from
// Math.random: the same rehearsal must give the same waits every time.
export function install() {
  globalThis.Date = VirtualDate;
  globalThis.setTimeout = (callback, ms = 0, ...args) => {
    const id = ++lastId;
    // Whole milliseconds, as the protocol and AWS's timestamps have them.
    timers.set(id, { at: now + Math.ceil(Math.max(0, ms)), run: () => callback(...args) });
    return id;
  };
  globalThis.clearTimeout = (id) => {
    timers.delete(id);
  };
  Math.random = mulberry32(1);
}

// next is the time of the earliest timer, undefined when there is none.
export function next() {
  return earliest()?.[1].at;
}

// advance moves time to `to` (milliseconds since 1970, never backwards).
export function advance(to) {
  now = Math.max(now, to);
}

// fire runs the one earliest timer that is due. One at a time: what it sets
// off must have settled before the next one, due at the same moment, runs.
export function fire() {
  const first = earliest();
  if (first !== undefined && first[1].at <= now) {
    timers.delete(first[0]);
    first[1].run();
  }
}

// earliest keeps the order in which timers for the same moment were set,
// because a Map is walked in the order of insertion.
function earliest() {
  let first;
  for (const entry of timers) {
    if (first === undefined || entry[1].at < first[1].at) {
      first = entry;
    }
  }
  return first;
}

// mulberry32 is a small seeded generator of numbers in [0, 1).
function mulberry32(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
