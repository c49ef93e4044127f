// Calls the inference API with the openai SDK as a program does: what to ask
// comes as JSON on standard input, and what became of it goes to standard
// output, in the same order.
import OpenAI from 'openai';

const { baseURL, apiKey, maxRetries, calls } = JSON.parse(await read(process.stdin));

async function read(stream) {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}

// attempts are the HTTP answers a call got, retries included, with the
// milliseconds that had passed.
let attempts = [];

const client = new OpenAI({
  baseURL,
  apiKey,
  maxRetries,
  timeout: 60_000,
  async fetch(url, init) {
    const response = await fetch(url, init);
    attempts.push({ status: response.status, retryAfter: response.headers.get('retry-after') ?? '', at: performance.now() });
    return response;
  },
});

// kinds are the ways to call; each fills result as far as it gets.
const kinds = {
  async create(params, result) {
    result.completion = await client.chat.completions.create(params);
  },
  async stream(params, result) {
    result.chunks = [];
    for await (const chunk of await client.chat.completions.create({ ...params, stream: true })) result.chunks.push(chunk);
  },
  // accumulate lets the SDK put a stream together, which holds every chunk
  // against what it takes for possible.
  async accumulate(params, result) {
    result.completion = await client.chat.completions.stream(params).finalChatCompletion();
  },
  async models(_, result) {
    result.models = (await client.models.list()).data;
  },
};

const results = [];
for (const { name, kind, params } of calls) {
  attempts = [];
  const result = { name, attempts };
  try {
    await kinds[kind](params, result);
  } catch (error) {
    const known = error instanceof OpenAI.APIError;
    result.error = {
      class: error.constructor.name, known, message: error.message ?? '',
      status: error.status ?? 0, code: error.code ?? '', type: error.type ?? '', param: error.param ?? '', requestID: error.requestID ?? '',
    };
  }
  results.push(result);
}
process.stdout.write(JSON.stringify(results));
