// Loads aws-local-stepfunctions 3.0.0 with its departures from AWS repaired in
// memory. Each repair names its reason and must apply exactly once, so another
// version of the package stops the rehearsal instead of running unrepaired.
// What is not repaired here is refused before a definition gets this far.
import { registerHooks } from "node:module";

const repairs = [
  {
    reason: "no task may reach AWS, and loading its clients costs more than all else",
    from: 'import { LambdaClient as AWSLambdaClient, InvokeCommand } from "@aws-sdk/client-lambda";',
    to: "const AWSLambdaClient = undefined, InvokeCommand = undefined;",
  },
  {
    reason: "as above",
    from: 'import { fromCognitoIdentityPool } from "@aws-sdk/credential-providers";',
    to: "const fromCognitoIdentityPool = undefined;",
  },
  {
    reason: "definitions are validated by asl-validator 4, not by the 3 this package brings",
    from: 'import aslValidator from "asl-validator";',
    to: "const aslValidator = undefined;",
  },
  {
    reason: "a caught time-out has an empty Cause",
    from: 'super("States.Timeout");',
    to: 'super("");',
  },
  {
    reason: "an intrinsic function's result loses its backslashes, the data's own ones too",
    from: 'result = result.replaceAll("\\\\", "");',
    to: "",
  },
  {
    reason: "a failing intrinsic function is States.IntrinsicFailure, not the JavaScript error's name",
    from: "return functions[funcName].call(input, context, ...splitArgs);",
    to: `try {
    return functions[funcName].call(input, context, ...splitArgs);
  } catch (error) {
    if (error instanceof StatesRuntimeError && error.message.startsWith("Path expression")) throw error;
    const failure = new RuntimeError(error.message);
    failure.name = "States.IntrinsicFailure";
    throw failure;
  }`,
  },
  {
    reason: "a ResultPath that leads through a value which is no object fails instead of replacing that value",
    from: 'const o = typeof target === "object" && target !== null && !Array.isArray(target) ? { ...target } : {};',
    to: `if (target !== null && (typeof target !== "object" || Array.isArray(target))) throw new StatesResultPathMatchFailureError();
    const o = { ...target };`,
  },
];

function repaired(source) {
  for (const { reason, from, to } of repairs) {
    if (source.split(from).length !== 2) {
      throw new Error(`aws-local-stepfunctions is not version 3.0.0: cannot repair that ${reason}`);
    }
    source = source.replace(from, () => to);
  }
  return source;
}

// load returns the interpreter's module.
export async function load() {
  const entry = import.meta.resolve("aws-local-stepfunctions");
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (url !== entry) return loaded;
      return { ...loaded, source: repaired(Buffer.from(loaded.source).toString("utf8")) };
    },
  });
  return import(entry);
}
