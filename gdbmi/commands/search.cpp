// Finding where a value changed.
#include <fmt/format.h>

#include <chrono>

#include "gdbmi/commands/handlers.h"
#include "gdbmi/commands/table.h"

namespace fred::handlers {

namespace {

Result<> find_change(CommandContext& c, const ChangeRequest& request) {
  if (auto where = need_program(c); !where) return std::unexpected(where.error());
  if (request.expression.empty()) return fail("Argument required (an expression whose change is to be found).");
  const auto begin = std::chrono::steady_clock::now();
  const auto change = c.session.find_change(request, c.questions, c.shell.progress());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  c.questions.moved();
  if (!change) return std::unexpected(change.error());
  c.shell.print(fmt::format("{}: {} -> {}\n", request.expression, change->before, change->after));
  const auto probes =
      change->probes == 0 ? "" : fmt::format("{} probe{}, ", change->probes, change->probes == 1 ? "" : "s");
  c.shell.print(fmt::format(
      "changed {} {}, time {} ({}{:.2f} s{})\n", change->by_gdb ? "from within gdb at" : "by", change->place,
      c.session.print(change->landing.time), probes, seconds.count(),
      change->changes ? fmt::format(", {} change{} in all", *change->changes, *change->changes == 1 ? "" : "s") : ""));
  for (const auto& remark : change->remarks) c.shell.print(remark + "\n");
  return arrive(c, change->landing);
}

/// Takes a word from the front, if it is there.
bool take_option(Arguments& a, std::string_view option) {
  if (!a.starts_with(option) || (a.size() > option.size() && a[option.size()] != ' ')) return false;
  a = trimmed(a.substr(option.size()));
  return true;
}

}  // namespace

Result<> reverse_watch(CommandContext& c, Arguments a) {
  const bool last = take_option(a, "--last");
  return find_change(c, {.expression = std::string(a), .last = last});
}

Result<> last(CommandContext& c, Arguments a) {
  const bool forward = take_option(a, "-f");
  return find_change(c, {.expression = std::string(a), .last = true, .forward = forward});
}

}  // namespace fred::handlers
