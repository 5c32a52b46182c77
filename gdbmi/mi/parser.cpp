#include "gdbmi/mi/parser.h"

#include <fmt/format.h>

#include <utility>

namespace fred::mi {

namespace {

/// Values nest a few levels deep in practice; text that nests deeper is not from gdb.
constexpr int deepest = 100;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_octal(char c) { return c >= '0' && c <= '7'; }

class Parser {
 public:
  explicit Parser(std::string_view line) : rest_(line) {}

  Result<Record> record() {
    if (rest_ == "(gdb)" || rest_ == "(gdb) ") return PromptRecord{};
    const auto token = read_token();
    if (rest_.empty()) return bad("a record");
    const char kind = rest_.front();
    rest_.remove_prefix(1);
    switch (kind) {
      case '^':
        return result(token);
      case '*':
        return async(AsyncRecord::Kind::exec, token);
      case '+':
        return async(AsyncRecord::Kind::status, token);
      case '=':
        return async(AsyncRecord::Kind::notify, token);
      case '~':
        return stream(StreamRecord::Kind::console);
      case '@':
        return stream(StreamRecord::Kind::target);
      case '&':
        return stream(StreamRecord::Kind::log);
      default:
        return bad("a record");
    }
  }

 private:
  std::unexpected<Error> bad(const char* wanted) const {
    return fail(fmt::format("not GDB/MI: {} expected at '{}'", wanted, rest_.substr(0, 40)));
  }

  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::optional<Token> read_token() {
    if (rest_.empty() || !is_digit(rest_.front())) return std::nullopt;
    Token token = 0;
    while (!rest_.empty() && is_digit(rest_.front())) {
      token = token * 10 + static_cast<Token>(rest_.front() - '0');  // too many digits wrap: no token of ours
      rest_.remove_prefix(1);
    }
    return token;
  }

  /// Up to one of the characters that end a name.
  std::string_view word() {
    const auto word = rest_.substr(0, rest_.find_first_of("=,{}[]\""));
    rest_.remove_prefix(word.size());
    return word;
  }

  Result<Record> result(std::optional<Token> token) {
    static constexpr std::pair<std::string_view, ResultRecord::Class> classes[] = {
        {"done", ResultRecord::Class::done},   {"running", ResultRecord::Class::running},
        {"error", ResultRecord::Class::error}, {"connected", ResultRecord::Class::connected},
        {"exit", ResultRecord::Class::exit},
    };
    const auto name = word();
    for (const auto& [text, value] : classes) {
      if (text != name) continue;
      auto values = results_to_end();
      if (!values) return std::unexpected(values.error());
      return ResultRecord{token, value, std::move(*values)};
    }
    return bad("a class of result");
  }

  Result<Record> async(AsyncRecord::Kind kind, std::optional<Token> token) {
    std::string what(word());
    if (what.empty()) return bad("a class of event");
    auto values = results_to_end();
    if (!values) return std::unexpected(values.error());
    return AsyncRecord{kind, token, std::move(what), std::move(*values)};
  }

  Result<Record> stream(StreamRecord::Kind kind) {
    auto text = c_string();
    if (!text) return std::unexpected(text.error());
    if (!rest_.empty()) return bad("the end of the line");
    return StreamRecord{kind, std::move(*text)};
  }

  Result<Value> results_to_end() {
    Value tuple{.kind = Value::Kind::tuple, .text = {}, .members = {}};
    while (take(',')) {
      auto m = named(0);
      if (!m) return std::unexpected(m.error());
      tuple.members.push_back(std::move(*m));
    }
    if (!rest_.empty()) return bad("',' or the end of the line");
    return tuple;
  }

  Result<Member> named(int depth) {
    std::string name(word());
    if (name.empty() || !take('=')) return bad("NAME=");
    auto v = value(depth);
    if (!v) return std::unexpected(v.error());
    return Member{std::move(name), std::move(*v)};
  }

  Result<Value> value(int depth) {
    if (depth > deepest) return bad("less nesting");
    if (!rest_.empty() && rest_.front() == '"') {
      auto text = c_string();
      if (!text) return std::unexpected(text.error());
      return Value{.kind = Value::Kind::string, .text = std::move(*text), .members = {}};
    }
    if (take('{')) return members(Value::Kind::tuple, '}', depth);
    if (take('[')) return members(Value::Kind::list, ']', depth);
    return bad("a value");
  }

  /// A list has values or named values, and gdb mixes them in tuples too (`script={"silent","print 1"}`).
  Result<Value> members(Value::Kind kind, char end, int depth) {
    Value all{.kind = kind, .text = {}, .members = {}};
    if (take(end)) return all;
    do {
      const bool unnamed = !rest_.empty() && std::string_view("\"{[").find(rest_.front()) != std::string_view::npos;
      if (unnamed) {
        auto v = value(depth + 1);
        if (!v) return v;
        all.members.push_back({{}, std::move(*v)});
      } else {
        auto m = named(depth + 1);
        if (!m) return std::unexpected(m.error());
        all.members.push_back(std::move(*m));
      }
    } while (take(','));
    if (!take(end)) return bad("the end of a tuple or list");
    return all;
  }

  Result<std::string> c_string() {
    if (!take('"')) return bad("a string");
    std::string text;
    while (!rest_.empty()) {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return text;
      if (c != '\\') {
        text += c;
        continue;
      }
      if (rest_.empty()) break;
      text += escaped();
    }
    return bad("the end of a string");
  }

  /// The character behind a backslash; rest_ is not empty.
  char escaped() {
    if (is_octal(rest_.front())) {
      unsigned value = 0;
      for (int digits = 0; digits < 3 && !rest_.empty() && is_octal(rest_.front()); ++digits) {
        value = value * 8 + static_cast<unsigned>(rest_.front() - '0');
        rest_.remove_prefix(1);
      }
      return static_cast<char>(value);
    }
    const char c = rest_.front();
    rest_.remove_prefix(1);
    switch (c) {
      case 'n':
        return '\n';
      case 't':
        return '\t';
      case 'r':
        return '\r';
      case 'e':
        return '\033';
      case 'a':
        return '\a';
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'v':
        return '\v';
      default:
        return c;
    }
  }

  std::string_view rest_;
};

}  // namespace

Result<Record> parse_record(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return Parser(line).record();
}

std::string quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (c == '\n') {
      quoted += "\\n";
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace fred::mi
