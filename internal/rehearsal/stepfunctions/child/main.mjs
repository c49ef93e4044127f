// The Node side of the rehearsal's Step Functions: one process for all state
// machines and executions, JSON lines on stdin and stdout. It knows how to run
// a definition and nothing else; status, history, tasks and time belong to the
// process that started it.
import { createInterface } from "node:readline";
import * as clock from "./clock.mjs";
import { load } from "./interpreter.mjs";

clock.install();
console.log = console.error; // stdout belongs to the protocol
const { StateMachine } = await load();

const machines = new Map();
const executions = new Map();
const tasks = new Map();
let seen = 0; // messages handled so far
let announced = ""; // the last idle message, not to be repeated
let checking = false;

function send(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}

// checkIdle asks for time to pass once every promise has settled, no task
// awaits an answer, and a timer waits. `seen` tells which messages this
// knowledge includes: the answer to an outdated one is never given.
function checkIdle() {
  if (checking) return;
  checking = true;
  setImmediate(() => {
    checking = false;
    const at = clock.next();
    const message = `${at}/${seen}`;
    if (tasks.size > 0 || at === undefined || message === announced) return;
    announced = message;
    send({ type: "idle", at, seen });
  });
}

const handlers = {
  // The validator is loaded when it is wanted first: it takes as long to load as
  // all else. It writes into what it checks, so the text is parsed for it.
  async validate({ id, definition }) {
    const { default: validate } = await import("asl-validator");
    const { isValid, errorsText } = validate(JSON.parse(definition), { checkArn: true, checkPaths: true });
    send({ type: "reply", id, error: isValid ? undefined : errorsText("; ") });
  },

  create({ id, machine, definition, timeoutSeconds }) {
    const names = Object.entries(definition.States).filter(([, state]) => state.Type === "Task");
    machines.set(machine, {
      interpreter: new StateMachine(definition, { validationOptions: { noValidate: true } }),
      tasks: names.map(([name]) => name),
      timeoutSeconds,
    });
    send({ type: "reply", id });
  },

  start({ execution, machine, input, context }) {
    run({ id: execution, over: false, unanswered: [] }, machines.get(machine), input, context);
  },

  stop({ execution }) {
    const stopped = executions.get(execution);
    if (stopped !== undefined) stop(stopped);
  },

  answer({ id, output, error, silent }) {
    const { execution, resolve, reject } = tasks.get(id);
    tasks.delete(id);
    if (silent) {
      execution.unanswered.push(reject);
    } else if (error) {
      reject(Object.assign(new Error(error.cause), { name: error.error }));
    } else {
      resolve(output);
    }
  },

  advance({ to }) {
    clock.advance(to);
    clock.fire();
  },
};

function run(execution, machine, input, context) {
  executions.set(execution.id, execution);
  if (machine.timeoutSeconds !== undefined) {
    const timeOut = () => finish(execution, { status: "TIMED_OUT", error: "States.Timeout" });
    execution.timer = setTimeout(timeOut, machine.timeoutSeconds * 1000);
  }
  const local = machine.tasks.map((state) => [state, (taskInput) => task(execution, state, taskInput)]);
  const running = machine.interpreter.run(input, {
    context,
    overrides: { taskResourceLocalHandlers: Object.fromEntries(local) },
  });
  execution.abort = running.abort;
  const told = tell(execution, running.eventLogs);
  running.result.then(
    (output) => told.then(() => finish(execution, { status: "SUCCEEDED", output })),
    (error) => told.then(() => finish(execution, failure(error.cause ?? error))),
  );
}

// A history has 25,000 events, and entering and leaving a state are two of
// them: whoever reads the events has ended an execution before it gets here. A
// loop without waits never lets its "stop" in, so it is cut off from inside.
const mostSteps = 25_000;

// tell forwards the interpreter's events in their order.
async function tell(execution, events) {
  let steps = 0;
  for await (const event of events) {
    if (execution.over || event.state === undefined) continue;
    if (event.type === "StateEntered" || event.type === "StateExited") steps++;
    if (steps > mostSteps) execution.abort();
    send({
      type: "event",
      execution: execution.id,
      event: event.type,
      state: event.state.name,
      stateType: event.state.type,
      input: event.type === "StateEntered" ? event.state.input : undefined,
      output: event.state.output,
      error: event.Error,
      cause: event.Cause,
    });
  }
}

// failure drops the texts the interpreter makes up for a Fail state that has
// no Error or no Cause.
function failure(error) {
  return {
    status: "FAILED",
    error: error.name === "FailStateError" ? undefined : error.name,
    cause: error.message === "Execution failed because of a Fail state" ? undefined : error.message,
  };
}

// stop ends an execution for the interpreter. A task in flight goes on; one
// that will never be answered must not keep its time-out timer.
function stop(execution) {
  execution.over = true;
  executions.delete(execution.id);
  clearTimeout(execution.timer);
  execution.abort();
  for (const reject of execution.unanswered) reject(new Error("execution is over"));
}

function finish(execution, end) {
  if (execution.over) return;
  stop(execution);
  send({ type: "ended", execution: execution.id, ...end });
}

// task hands a Task state's input over and waits for the answer. It lets the
// state's "entered" event go first. The interpreter may retry once more after
// an abort; whoever answers knows that the execution is over.
let lastTask = 0;
async function task(execution, state, input) {
  const id = ++lastTask;
  const answer = new Promise((resolve, reject) => tasks.set(id, { execution, resolve, reject }));
  await settled();
  send({ type: "task", id, execution: execution.id, state, input });
  return answer;
}

const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
lines.on("line", (line) => {
  const message = JSON.parse(line);
  seen++;
  clock.advance(message.now);
  handlers[message.type](message);
  checkIdle();
});
lines.on("close", () => process.exit(0));
send({ type: "ready" });
