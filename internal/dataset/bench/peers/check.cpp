// The check of one data set with simdjson's on-demand parser, written to be
// fast: the file is read in blocks and parsed where it was read, texts are looked
// at in simdjson's own buffer, and duplicates are looked up block by block, so
// that cache misses overlap. It prints what it counted as one line of JSON.
//
// Usage: check FILE prompt-completion|conversation

#include <simdjson.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <strings.h>
#include <vector>

using namespace simdjson;

namespace {

// Multiplies to 128 bits and folds them, the step of wyhash.
inline uint64_t mix(uint64_t a, uint64_t b) {
  auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t load(const char *p) {
  uint64_t v;
  std::memcpy(&v, p, 8);
  return v;
}

// Reads up to 15 bytes beyond the text, which the block's padding allows for.
uint64_t hash(const char *p, size_t n) {
  constexpr uint64_t s0 = 0xa0761d6478bd642f, s1 = 0xe7037ed1a0b428db, s2 = 0x8ebc6af09c88c6e3;
  uint64_t a = s0 ^ n, b = s1 ^ n;
  while (n >= 32) {
    a = mix(load(p) ^ s1, load(p + 8) ^ a);
    b = mix(load(p + 16) ^ s2, load(p + 24) ^ b);
    p += 32;
    n -= 32;
  }
  char rest[32] = {};
  std::memcpy(rest, p, n);
  a = mix(load(rest) ^ s1, load(rest + 8) ^ a);
  b = mix(load(rest + 16) ^ s2, load(rest + 24) ^ b);
  uint64_t h = mix(a ^ s0, b ^ s1);
  return h ? h : 1;
}

// An open-addressing set of hashes.
class Seen {
public:
  void expect(size_t records) {
    size_t slots = 1 << 12;
    while (slots < 2 * records) slots *= 2;
    rebuild(slots);
  }

  // Adds a block's hashes and returns how many were known.
  int64_t add(const std::vector<uint64_t> &hashes) {
    int64_t known = 0;
    for (size_t i = 0; i < hashes.size(); i++) {
      if (i + 16 < hashes.size()) __builtin_prefetch(&slots_[hashes[i + 16] & mask_]);
      known += !insert(hashes[i]);
    }
    return known;
  }

private:
  bool insert(uint64_t h) {
    size_t at = h & mask_;
    for (; slots_[at]; at = (at + 1) & mask_)
      if (slots_[at] == h) return false;
    slots_[at] = h;
    if (++count_ * 4 > slots_.size() * 3) rebuild(2 * slots_.size());
    return true;
  }

  void rebuild(size_t slots) {
    std::vector<uint64_t> old(slots);
    old.swap(slots_);
    mask_ = slots - 1;
    count_ = 0;
    for (uint64_t h : old)
      if (h) insert(h);
  }

  std::vector<uint64_t> slots_;
  size_t mask_ = 0, count_ = 0;
};

int64_t characters(std::string_view text) {
  int64_t n = 0;
  for (char c : text) n += (static_cast<signed char>(c) >= -0x40);
  return n;
}

// White space as Unicode has it; nearly every text ends this with its first byte.
bool blank(std::string_view t) {
  static const std::string_view wide[] = {
      "\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9",
      "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};
  while (!t.empty()) {
    auto c = static_cast<unsigned char>(t[0]);
    if (c == ' ' || (c >= 9 && c <= 13)) {
      t.remove_prefix(1);
      continue;
    }
    if (c < 0x80) return false;
    size_t size = 0;
    for (auto w : wide)
      if (t.substr(0, w.size()) == w) size = w.size();
    if (!size && t.size() >= 3 && t.substr(0, 2) == "\xe2\x80" && static_cast<unsigned char>(t[2]) <= 0x8a) size = 3;
    if (!size) return false;
    t.remove_prefix(size);
  }
  return true;
}

struct Word {
  std::string_view word;
  size_t anchor;
};

// The words are looked for by a rare byte that each has.
bool reserved(std::string_view text) {
  static const Word colon[] = {{"User:", 4}, {"Bot:", 3}, {"Assistant:", 9}, {"System:", 6}, {"Thought:", 7}};
  static const Word angle[] = {{"<image>", 0}, {"<video>", 0}, {"<unk>", 0}};
  static const Word bracket[] = {{"[EOS]", 0}};
  auto find = [text](char anchor, const Word *begin, const Word *end) {
    const char *last = text.data() + text.size();
    const char *p = text.data();
    while ((p = static_cast<const char *>(std::memchr(p, anchor, last - p)))) {
      for (const Word *w = begin; w != end; w++) {
        size_t at = p - text.data();
        if (at >= w->anchor && at - w->anchor + w->word.size() <= text.size() &&
            !strncasecmp(p - w->anchor, w->word.data(), w->word.size()))
          return true;
      }
      p++;
    }
    return false;
  };
  return find(':', std::begin(colon), std::end(colon)) || find('<', std::begin(angle), std::end(angle)) ||
         find('[', std::begin(bracket), std::end(bracket));
}

// Throws simdjson_error at what is not JSON, and Refused at what is no record.
struct Refused {};

void require(bool ok) {
  if (!ok) throw Refused{};
}

// Marks a key as seen; twice is refused.
void once(bool &seen) {
  require(!seen);
  seen = true;
}

int64_t text(ondemand::value value, bool words) {
  std::string_view t = value.get_string();
  require(!blank(t));
  require(!words || !reserved(t));
  return characters(t);
}

// The list of content blocks or system items, each {"text": string}.
int64_t blocks(ondemand::value value) {
  int64_t n = 0;
  bool any = false;
  for (ondemand::object block : value.get_array()) {
    bool seen = false;
    for (auto field : block) {
      require(field.key() == "text");
      once(seen);
      n += text(field.value(), true);
    }
    require(seen);
    any = true;
  }
  require(any);
  return n;
}

int64_t messages(ondemand::value value) {
  int64_t n = 0, count = 0;
  for (ondemand::object message : value.get_array()) {
    bool role = false, content = false;
    for (auto field : message) {
      ondemand::raw_json_string key = field.key();
      if (key == "role") {
        once(role);
        std::string_view who = field.value().get_string();
        require(who == (count % 2 ? "assistant" : "user"));
      } else if (key == "content") {
        once(content);
        n += blocks(field.value());
      } else {
        throw Refused{};
      }
    }
    require(role && content);
    count++;
  }
  require(count >= 2 && count % 2 == 0);
  return n;
}

int64_t conversation(ondemand::object record) {
  int64_t n = 0;
  bool version = false, system = false, turns = false;
  for (auto field : record) {
    ondemand::raw_json_string key = field.key();
    if (key == "schemaVersion") {
      once(version);
      std::string_view ignored = field.value().get_string();
      (void)ignored;
    } else if (key == "system") {
      once(system);
      n += blocks(field.value());
    } else if (key == "messages") {
      once(turns);
      n += messages(field.value());
    } else {
      throw Refused{};
    }
  }
  require(version && turns);
  return n;
}

int64_t pair(ondemand::object record) {
  int64_t n = 0;
  bool prompt = false, completion = false;
  for (auto field : record) {
    ondemand::raw_json_string key = field.key();
    if (key == "prompt") {
      once(prompt);
    } else if (key == "completion") {
      once(completion);
    } else {
      throw Refused{};
    }
    n += text(field.value(), false);
  }
  require(prompt && completion);
  return n;
}

struct Totals {
  int64_t records = 0, duplicates = 0, characters = 0, errors = 0;
};

class Checker {
public:
  explicit Checker(bool talk) : talk_(talk) {}

  // Checks a block of whole lines that has simdjson's padding behind it.
  void block(const char *p, size_t size, size_t capacity) {
    hashes_.clear();
    const char *end = p + size, *limit = p + capacity;
    while (p < end) {
      auto stop = static_cast<const char *>(std::memchr(p, '\n', end - p));
      if (!stop) stop = end;
      line(p, stop - p, limit - p);
      p = stop + 1;
    }
    totals.duplicates += seen.add(hashes_);
  }

  Totals totals;
  Seen seen;

private:
  void line(const char *p, size_t n, size_t capacity) {
    while (n && (p[n - 1] == ' ' || p[n - 1] == '\t' || p[n - 1] == '\r')) n--;
    if (!n) {
      totals.errors++;
      return;
    }
    totals.records++;
    hashes_.push_back(hash(p, n));
    try {
      require(std::strncmp(p, "\xef\xbb\xbf", 3) != 0);
      ondemand::document doc = parser_.iterate(padded_string_view(p, n, capacity));
      ondemand::object record = doc.get_object();
      int64_t n = talk_ ? conversation(record) : pair(record);
      require(doc.current_location().error() == OUT_OF_BOUNDS);
      totals.characters += n;
    } catch (const simdjson_error &) {
      totals.errors++;
    } catch (const Refused &) {
      totals.errors++;
    }
  }

  bool talk_;
  ondemand::parser parser_;
  std::vector<uint64_t> hashes_;
};

// Reads the file in blocks that end with a line.
bool run(int file, int64_t size, Checker &checker) {
  std::vector<char> buf((1 << 18) + SIMDJSON_PADDING);
  size_t have = 0;
  bool first = true;
  for (;;) {
    if (have + SIMDJSON_PADDING == buf.size()) buf.resize(2 * buf.size());
    ssize_t n = read(file, buf.data() + have, buf.size() - SIMDJSON_PADDING - have);
    if (n < 0) return false;
    if (!n) break;
    have += n;
    auto last = static_cast<char *>(memrchr(buf.data(), '\n', have));
    if (!last) continue;
    size_t whole = last + 1 - buf.data();
    if (first) {
      size_t lines = 1;
      for (size_t i = 0; i < whole; i++) lines += buf[i] == '\n';
      checker.seen.expect(size / (whole / lines + 1));
      first = false;
    }
    checker.block(buf.data(), whole, buf.size());
    std::memmove(buf.data(), buf.data() + whole, have - whole);
    have -= whole;
  }
  if (first) checker.seen.expect(1);
  checker.block(buf.data(), have, buf.size());
  return true;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int file = open(argv[1], O_RDONLY);
  struct stat info;
  Checker checker(!std::strcmp(argv[2], "conversation"));
  if (file < 0 || fstat(file, &info) || !run(file, info.st_size, checker)) {
    std::perror(argv[1]);
    return 1;
  }
  const Totals &t = checker.totals;
  std::printf("{\"records\":%lld,\"duplicates\":%lld,\"characters\":%lld,\"errors\":%lld}\n",
              (long long)t.records, (long long)t.duplicates, (long long)t.characters, (long long)t.errors);
}
