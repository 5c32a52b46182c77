#include "reverse/timeline/command_log.h"

#include <cerrno>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reverse/timeline/time_text.h"

namespace fred {
namespace {
using Json = nlohmann::ordered_json;

std::string line_of(const LoggedCommand& logged) {
  Json json = {{"command", logged.command}};
  if (logged.from) json["from"] = print_time(*logged.from);
  if (logged.to) json["to"] = print_time(*logged.to);
  if (!logged.end.empty()) json["end"] = logged.end;
  // What a terminal sent need not be UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<std::optional<std::string>> text_at(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return std::nullopt;
  if (!found->is_string()) return fail(fmt::format("\"{}\" is no string", key));
  return found->get<std::string>();
}

Result<std::optional<Time>> time_at(const Json& json, const char* key) {
  const Result<std::optional<std::string>> text = text_at(json, key);
  if (!text) return std::unexpected(text.error());
  if (!*text) return std::nullopt;
  const Result<Time> time = parse_time(**text);
  if (!time) return std::unexpected(time.error());
  return *time;
}
}  // namespace

Result<LoggedCommand> CommandLog::parse_line(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return fail("no JSON object");
  const Result<std::optional<std::string>> command = text_at(json, "command"), end = text_at(json, "end");
  const Result<std::optional<Time>> from = time_at(json, "from"), to = time_at(json, "to");
  if (!command) return std::unexpected(command.error());
  if (!*command) return fail("\"command\" is missing");
  if (!from) return std::unexpected(from.error());
  if (!to) return std::unexpected(to.error());
  if (!end) return std::unexpected(end.error());
  return LoggedCommand{**command, *from, *to, end->value_or("")};
}

std::string CommandLog::text() const {
  std::string all;
  for (const LoggedCommand& logged : commands_) all += line_of(logged) + "\n";
  return all;
}

Result<CommandLog> CommandLog::parse(std::string_view text, std::string_view name) {
  CommandLog log;
  std::istringstream lines{std::string(text)};
  std::string line;
  for (u64 number = 1; std::getline(lines, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    Result<LoggedCommand> logged = parse_line(line);
    if (!logged) return fail(fmt::format("{}:{}: {}", name, number, logged.error().message));
    log.add(std::move(*logged));
  }
  return log;
}

Result<> CommandLog::save(const std::string& path) const {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text() << std::flush;
  if (!file) return fail_errno(errno != 0 ? errno : EIO, "cannot write " + path);
  return {};
}

Result<CommandLog> CommandLog::load(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file && text.str().empty() && (!file.is_open() || file.bad())) {
    return fail_errno(errno != 0 ? errno : EIO, "cannot read " + path);
  }
  return parse(text.str(), path);
}

}  // namespace fred
