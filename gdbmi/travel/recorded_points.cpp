// The user's breakpoints, watchpoints and catchpoints, as conditions on the execution.
#include <algorithm>
#include <charconv>
#include <optional>

#include "core/syscalls/table.h"
#include "gdbmi/travel/recorded_session.h"

namespace fred {

namespace {

/// A breakpoint as gdb's side describes it.
struct GdbPoint {
  i64 number = 0;
  std::string kind;  // "break", "watch", "register", "syscall", "signal", or one of process_event_names
  std::vector<u64> addresses;
  std::vector<u32> only;  // system calls or signals; none: all. register: its number
  bool depends = false;
  bool prints = false;

  bool catches(u32 n) const { return only.empty() || std::ranges::find(only, n) != only.end(); }
};

/// gdb has names for what it knows, as the kernel has, and numbers for others.
u32 syscall_number(std::string_view name) {
  for (u32 n = 0; n < syscall_count; ++n) {
    if (syscall_name(n) == name) return n;
  }
  u32 number = ~u32{0};  // no call has that
  std::from_chars(name.data(), name.data() + name.size(), number);
  return number;
}

GdbPoint point_of(const nlohmann::json& p) {
  GdbPoint point{.number = p.value("number", i64{0}),
                 .kind = p.value("kind", ""),
                 .addresses = p["addresses"].get<std::vector<u64>>(),
                 .only = {},
                 .depends = p.value("depends", false),
                 .prints = p.value("prints", false)};
  for (const auto& what : p["only"]) {
    point.only.push_back(what.is_string() ? syscall_number(what.get<std::string>()) : what.get<u32>());
  }
  return point;
}

std::vector<RecordedSession::UserPoints::Dependent::Point> dependent_of(const std::vector<GdbPoint>& points) {
  std::vector<RecordedSession::UserPoints::Dependent::Point> those;
  for (const auto& p : points) {
    if (p.depends) those.push_back({p.number, p.only, p.prints});
  }
  return those;
}

/// gdb catches system calls all together: `all`, taken apart by the catchpoints that they are of.
void add_syscalls(const Condition& all, const std::vector<GdbPoint>& catchers, RecordedSession::UserPoints& into) {
  const auto caught = [&](bool depends) -> std::optional<Condition> {
    SyscallCondition calls;
    bool none = true;
    for (const auto& c : catchers) {
      if (c.depends != depends) continue;
      none = false;
      if (c.only.empty()) return Condition{all.id, SyscallCondition{}, all.thread};
      calls.numbers.insert(calls.numbers.end(), c.only.begin(), c.only.end());
    }
    return none ? std::nullopt : std::optional(Condition{all.id, std::move(calls), all.thread});
  };
  if (auto certain = caught(false)) into.certain.push_back(std::move(*certain));
  if (auto dependent = caught(true)) into.dependent.push_back({std::move(*dependent), dependent_of(catchers)});
}

/// The same of signals, among which are those that `handle` stops at if no catchpoint is for them.
void add_signals(const Condition& all, const std::vector<GdbPoint>& catchers, RecordedSession::UserPoints& into) {
  SignalCondition certain, dependent;
  for (const int n : std::get<SignalCondition>(all.what).numbers) {
    bool caught = false, depends = true;
    for (const auto& c : catchers) {
      if (!c.catches(static_cast<u32>(n))) continue;
      caught = true;
      depends = depends && c.depends;
    }
    (caught && depends ? dependent : certain).numbers.push_back(n);
  }
  if (!certain.numbers.empty()) into.certain.push_back({all.id, std::move(certain), all.thread});
  if (!dependent.numbers.empty()) {
    into.dependent.push_back({{all.id, std::move(dependent), all.thread}, dependent_of(catchers)});
  }
}

}  // namespace

Result<RecordedSession::UserPoints> RecordedSession::points(GdbQuestions& gdb, ThreadId thread) {
  const auto answer = ask_python(gdb, "breakpoints()");
  if (!answer) return std::unexpected(answer.error());
  UserPoints all;
  all.left = answer->value("left", "");
  std::vector<GdbPoint> users;
  for (const auto& p : (*answer)["points"]) {
    users.push_back(point_of(p));
    if (const auto n = p.value("ignore", u64{0}); n != 0) all.ignored[users.back().number] = n;
  }
  const auto inserted = target_.conditions();
  const auto is_inserted = [&](const GdbPoint& p) {
    return p.kind != "break" || std::ranges::all_of(p.addresses, [&](u64 address) {
             return std::ranges::any_of(inserted, [&](const Condition& c) {
               const auto* b = std::get_if<BreakCondition>(&c.what);
               return b != nullptr && b->pc.value == address;
             });
           });
  };
  if (!std::ranges::all_of(users, is_inserted)) {
    if (const auto done = ask_python(gdb, "insert_breakpoints()"); !done) return std::unexpected(done.error());
  }
  const auto of_kind = [&](std::string_view kind) {
    std::vector<GdbPoint> those;
    std::ranges::copy_if(users, std::back_inserter(those), [&](const GdbPoint& p) { return p.kind == kind; });
    return those;
  };
  for (const auto& p : of_kind("register")) {
    auto changed = remote::SessionTarget::register_condition(static_cast<Gpr>(p.only.front()), thread);
    if (p.depends) {
      all.dependent.push_back({std::move(changed), {{p.number, {}, p.prints}}});
    } else {
      all.certain.push_back(std::move(changed));
    }
  }
  for (auto& c : target_.conditions(remote::SessionTarget::For::everything)) {
    if (std::holds_alternative<SyscallCondition>(c.what)) {
      add_syscalls(c, of_kind("syscall"), all);
      continue;
    }
    if (std::holds_alternative<SignalCondition>(c.what)) {
      add_signals(c, of_kind("signal"), all);
      continue;
    }
    if (const auto* const event = std::get_if<ProcessCondition>(&c.what)) {
      const auto catchers = of_kind(remote::process_event_names[static_cast<std::size_t>(event->event)]);
      const auto certain = [](const GdbPoint& p) { return !p.depends; };
      if (catchers.empty()) continue;  // gdb is told of it, which stops nobody
      if (std::ranges::any_of(catchers, certain)) {
        all.certain.push_back(std::move(c));
      } else {
        all.dependent.push_back({std::move(c), dependent_of(catchers)});
      }
      continue;
    }
    const auto* const b = std::get_if<BreakCondition>(&c.what);
    const u64 at = b != nullptr ? b->pc.value : std::get<WatchCondition>(c.what).range.begin.value;
    // A watch that is not among the user's is gdb's part of one. Breakpoints that gdb has inserted for itself
    // (libraries, longjmp) stop nobody.
    bool certain = b == nullptr;
    std::vector<UserPoints::Dependent::Point> dependent;
    for (const auto& p : of_kind(b != nullptr ? "break" : "watch")) {
      if (std::ranges::find(p.addresses, at) == p.addresses.end()) continue;
      if (p.depends) dependent.push_back({p.number, {}, p.prints});
      certain = !p.depends || (certain && dependent.empty());
      if (certain) break;
    }
    if (certain) {
      all.certain.push_back(std::move(c));
    } else if (!dependent.empty()) {
      all.dependent.push_back({std::move(c), std::move(dependent)});
    }
  }
  return all;
}

}  // namespace fred
