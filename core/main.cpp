// fred-engine: runs one guest. Started by the front ends (cli/), which find the program and say what is
// wanted; not meant to be started by hand.
//
//   fred-engine replay --dir=DIR --process=N --control-fd=N [OPTIONS] -- PROGRAM   a worker of an executed process
//   fred-engine rebuild --dir=DIR --state=PATH --control-fd=N [OPTIONS] -- PROGRAM   a worker (guest_state.h)
//   fred-engine adopt --dir=DIR --state=PATH --control-fd=N [OPTIONS] -- PROGRAM   in a program's process
//   (core/attach/) fred-engine run|record [--dir=DIR] [--env-fd=N] [--control-fd=N] [OPTIONS] -- PROGRAM ARGV0 ARGS…
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>

#include "ckpt/snapshot/snapshot.h"
#include "core/arch/x86/segment_base.h"
#include "core/attach/adopt.h"
#include "core/base/check.h"
#include "core/base/descriptor.h"
#include "core/base/engine_file.h"
#include "core/base/exec_strings.h"
#include "core/base/lifeline.h"
#include "core/base/log.h"
#include "core/base/number.h"
#include "core/base/outside.h"
#include "core/base/raw_syscall.h"
#include "core/base/write_all.h"
#include "core/control/controller.h"
#include "core/control/report.h"
#include "core/control/statistics.h"
#include "core/dispatch/guest_state.h"
#include "core/dispatch/processes.h"
#include "core/elf/program.h"
#include "core/signals/kernel_signals.h"
#include "core/syscalls/limits.h"
#include "core/threads/guest_thread.h"
#include "core/threads/threads.h"

namespace fred {
namespace {

struct Arguments {
  bool record = false, replay = false, adopt = false;
  std::string dir;
  std::string state;  // rebuild, adopt: where the guest's state lies
  int env_fd = -1, control_fd = -1, lifeline_fd = -1, tree_fd = -1, errors_fd = -1, root_fd = -1;
  ProcessPlace place;  // of an executed child
  bool held = false;   // an executed child stands where it begins
  bool stays = false;  // the same of a program that was attached to: it goes on without the session
  bool stats = false;  // print them at the end (fred run; fred record gets them over the socket)
  EngineOptions engine;
  std::string program;
  std::vector<std::string> args;
};

/// Switches without a value; each turns one optimisation off.
constexpr struct {
  std::string_view name;
  bool TranslateOptions::*option;
  bool value;
} switches[] = {
    {"--no-link", &TranslateOptions::link, false},
    {"--no-inline-lookup", &TranslateOptions::inline_lookup, false},
    {"--single-block", &TranslateOptions::single_block, true},
    {"--no-traces", &TranslateOptions::traces, false},
    {"--full-decoder", &TranslateOptions::quick_decoder, false},
    {"--one-counter", &TranslateOptions::several_counters, false},
    {"--whole-slices", &TranslateOptions::hints, false},
    {"--no-light", &TranslateOptions::light, false},
    {"--no-bmi2", &TranslateOptions::bmi2, false},
    {"--no-inline-notes", &TranslateOptions::inline_notes, false},
};

template <class T>
T number(std::string_view text) {
  const auto value = whole_number<T>(text);
  if (!value) quit(125, fmt::format("bad number '{}'", text));
  return *value;
}

/// NUMBER,PARENT,EVENT as a recorded process passes them to the engine that it executes.
ProcessPlace place_of(std::string_view text) {
  const auto first = text.find(','), second = text.find(',', first + 1);
  if (second == text.npos) quit(125, fmt::format("bad process '{}'", text));
  return {.number = number<u32>(text.substr(0, first)),
          .parent = number<u32>(text.substr(first + 1, second - first - 1)),
          .parent_event = number<u64>(text.substr(second + 1)),
          .origin = ProcessOrigin::executed};
}

/// All other options. `passed_on`: the engine of an executed child gets them as well.
constexpr struct {
  std::string_view name;  // with = at its end if there is a value
  bool passed_on;
  void (*set)(Arguments& a, std::string_view value);
} option_rows[] = {
    {"--state=", false, [](Arguments& a, std::string_view v) { a.state = v; }},
    {"--dir=", false, [](Arguments& a, std::string_view v) { a.dir = v; }},
    {"--process=", false, [](Arguments& a, std::string_view v) { a.place = place_of(v); }},
    {"--env-fd=", false, [](Arguments& a, std::string_view v) { a.env_fd = number<int>(v); }},
    {"--tree-fd=", false, [](Arguments& a, std::string_view v) { a.tree_fd = number<int>(v); }},
    {"--errors-fd=", false, [](Arguments& a, std::string_view v) { a.errors_fd = number<int>(v); }},
    {"--root-fd=", false, [](Arguments& a, std::string_view v) { a.root_fd = number<int>(v); }},
    {"--control-fd=", false, [](Arguments& a, std::string_view v) { a.control_fd = number<int>(v); }},
    {"--lifeline-fd=", false, [](Arguments& a, std::string_view v) { a.lifeline_fd = number<int>(v); }},
    {"--held", false, [](Arguments& a, std::string_view) { a.held = true; }},
    {"--engine=", false, [](Arguments&, std::string_view v) { hold_engine_file(std::string(v)); }},
    {"--stays", true, [](Arguments& a, std::string_view) { a.stays = true; }},
    {"--stats", false, [](Arguments& a, std::string_view) { a.stats = true; }},
    {"--checksum-every=", true, [](Arguments& a, std::string_view v) { a.engine.checksum_every = number<u64>(v); }},
    {"--chaos=", true, [](Arguments& a, std::string_view v) { a.engine.chaos = number<u64>(v); }},
    {"--sleep-at-once", true, [](Arguments& a, std::string_view) { a.engine.looks = false; }},
    {"--compare-all-shared", true, [](Arguments& a, std::string_view) { a.engine.compare_shared = true; }},
    {"--no-foreign", true, [](Arguments& a, std::string_view) { a.engine.foreign = false; }},
    {"--any-processor", true, [](Arguments& a, std::string_view) { a.engine.one_processor = false; }},
    {"--no-children", true, [](Arguments& a, std::string_view) { a.engine.children = false; }},
    {"--log-registers", true, [](Arguments& a, std::string_view) { a.engine.log_registers = true; }},
    {"--no-fsgsbase", true, [](Arguments&, std::string_view) { use_no_fsgsbase(); }},
    {"--lockstep", true, [](Arguments& a, std::string_view) { a.engine.lockstep = true; }},
    {"--cpu=", true,
     [](Arguments& a, std::string_view v) {
       auto level = parse_cpu_level(v);
       if (!level) quit(125, level.error().message);
       a.engine.cpu = *level;
     }},
    {"--log=", true,
     [](Arguments&, std::string_view v) {
       if (auto r = set_log_levels(v); !r) quit(125, r.error().message);
     }},
};

bool take_option(Arguments& a, std::string_view arg) {
  for (const auto& s : switches) {
    if (arg != s.name) continue;
    a.engine.translate.*s.option = s.value;
    a.engine.words.emplace_back(arg);
    return true;
  }
  for (const auto& row : option_rows) {
    if (row.name.ends_with('=') ? !arg.starts_with(row.name) : arg != row.name) continue;
    row.set(a, arg.substr(row.name.size()));
    if (row.passed_on) a.engine.words.emplace_back(arg);
    return true;
  }
  return false;
}

Arguments parse(int argc, char** argv) {
  Arguments a;
  if (argc < 2) quit(125, "fred-engine is started by fred; see 'fred --help'");
  const std::string_view mode = argv[1];
  a.adopt = a.engine.adopted = mode == "adopt";
  a.record = a.adopt || mode == "record";
  a.replay = mode == "replay";
  if (a.adopt) a.engine.words.emplace_back("--stays");
  int i = 2;
  for (; i < argc && std::string_view{argv[i]} != "--"; ++i) {
    if (!take_option(a, argv[i])) quit(125, fmt::format("fred-engine: unknown option '{}'", argv[i]));
  }
  if (i + 1 >= argc) quit(125, "fred-engine: no program");
  a.program = argv[++i];
  for (++i; i < argc; ++i) a.args.emplace_back(argv[i]);
  return a;
}

/// The guest's environment, NUL-terminated strings in a file.
std::vector<std::string> read_environment(int fd) {
  std::string all;
  char piece[65536];
  for (off_t at = 0;;) {
    const auto n = pread(fd, piece, sizeof piece, at);
    if (n <= 0) break;
    all.append(piece, static_cast<std::size_t>(n));
    at += n;
  }
  close(fd);
  return separated(all);
}

/// The descriptors that a session gives an engine whose process is not its child.
void receive_descriptors(int control) {
  set_error_descriptor(-1);
  for (int i = 0; i < 2; ++i) {
    int descriptor = -1;
    const auto m = receive_message(control, &descriptor);
    if (!m || m->kind != MessageKind::take || descriptor < 0) continue;
    if (m->number[0] == 0) {
      hold_lifeline(descriptor);
    } else if (const i64 errors = raise_descriptor(descriptor); errors >= 0) {
      set_error_descriptor(static_cast<int>(errors));
    }
  }
}

/// What fred says does not go where the guest may have put its standard error. Our own descriptors go out of its way.
void take_descriptors(Arguments& a) {
  if (!a.adopt) {
    const i64 errors = raise_descriptor(a.errors_fd >= 0 ? a.errors_fd : raw_syscall(SYS_fcntl, 2, F_DUPFD_CLOEXEC, 3));
    if (errors >= 0) set_error_descriptor(static_cast<int>(errors));
  }
  if (a.control_fd >= 0) a.control_fd = static_cast<int>(raise_descriptor(a.control_fd));
  if (a.tree_fd >= 0) a.tree_fd = static_cast<int>(raise_descriptor(a.tree_fd));
  if (a.lifeline_fd >= 0) hold_lifeline(a.lifeline_fd);
  hold_outside_root(a.root_fd);
  if (a.adopt) receive_descriptors(a.control_fd);
}

Result<> start_recording(GuestEngine& engine, const Arguments& a) {
  auto& tree = engine.tree();
  auto place = a.place.number != 0 ? tree.join(a.tree_fd, a.place, a.control_fd) : tree.found(a.control_fd);
  if (!place) return place;
  if (a.engine.log_registers) engine.events().log_full_registers();
  return engine.start_recording(a.dir);
}

[[noreturn]] void run_to_the_end(GuestEngine& engine, Reporter& report, bool stats) {
  const auto end = engine.run();
  if (engine.tree().turn().takes_part()) {
    engine.take_shared_turn();
    engine.threads().end_process();
    engine.tree().turn().leave();
  } else if (engine.memory().foreign().any()) {
    engine.threads().end_process();  // the kernel would look at copies
  }
  if (!engine.processes().unrecorded_child()) {
    report.ended(engine, end);
    engine.events().finish();
    if (stats) write_all(error_descriptor(), statistics_text(engine));
  }
  end_as(end);
}

/// Nothing has come of it: what the kernel keeps for the process is again as it was. Whoever has stopped the program
/// puts registers and memory back (cli/attach/).
[[noreturn]] void give_back(GuestEngine& engine, const AdoptedState& state, Reporter& report, const std::string& why) {
  const auto& first = state.threads.front();
  block_all_signals();
  for (int signal = 1; signal <= 64; ++signal) {
    const auto& action = engine.signals().state().actions[signal];
    raw_syscall(SYS_rt_sigaction, static_cast<u64>(signal), reinterpret_cast<u64>(&action), 0, 8);
  }
  raw_syscall(SYS_sigaltstack, reinterpret_cast<u64>(&first.alt_stack), 0);
  raw_syscall(SYS_set_robust_list, first.robust_list.value, robust_list_size);
  raw_syscall(SYS_set_tid_address, first.clear_tid.value);
  hand_back_limits();
  report.start_failed(why);
  for (;;) raw_syscall(SYS_pause);
}

/// The program that runs in this process becomes the guest.
void take_over(GuestEngine& engine, const Arguments& a, Reporter& report) {
  engine.signals().adopt_actions();
  install_kernel_signals(engine.cpu());
  std::ifstream in(a.state, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  const auto state = AdoptedState::deserialise({reinterpret_cast<const u8*>(bytes.data()), bytes.size()});
  if (!state) quit(125, state.error().message);  // not of the outside world's doing
  if (auto started = start_recording(engine, a); !started) give_back(engine, *state, report, started.error().message);
  const auto entries = adopt(engine, *state);
  if (!entries) give_back(engine, *state, report, entries.error().message);
  engine.signals().mirror_all();
  report.taken_over(*entries);
}

int main_of_engine(int argc, char** argv) {
  auto a = parse(argc, argv);
  std::vector<std::string> env;
  if (a.env_fd >= 0) env = read_environment(a.env_fd);
  take_descriptors(a);
  take_over_limits();

  GuestEngine engine(a.engine);
  if (!a.adopt) {
    install_kernel_signals(engine.cpu());
    engine.signals().inherit();
  }
  const bool rebuild = !a.adopt && !a.state.empty();
  if (rebuild || a.replay) block_all_signals();
  if (rebuild) {
    if (auto r = load_guest(engine, a.dir, a.state); !r) quit(125, r.error().message);
    be_worker(engine, a.control_fd);
  }
  if (a.replay) be_worker(engine, a.control_fd, [&] { return engine.start_again(a.dir, a.place.number); });
  Reporter report(a.control_fd);
  if (a.adopt) {
    take_over(engine, a, report);
  } else {
    if (a.record) {
      if (auto r = start_recording(engine, a); !r) quit(125, r.error().message);
    }
    if (auto r = engine.start(a.program, std::move(a.args), std::move(env)); !r) {
      report.start_failed();
      quit(exit_status_for(r.error()), r.error().message);
    }
    engine.signals().mirror_all();
  }
  on_failure([&report](const std::string& line) { report.failed(line); });
  engine.on_deadlock([&report](const std::string& text) { report.deadlock(text); });
  engine.on_forked([&] { report.move_to(engine.tree().control()); });
  std::optional<Controller> controller;
  engine.on_child([&] {
    if (controller && engine.processes().is_held()) controller->serve_held();
    run_to_the_end(engine, report, false);
  });
  if (a.control_fd >= 0) {
    controller.emplace(engine, report);
    if (a.stays) controller->outlive_session();
    if (!a.adopt) report.started();
    if (a.place.number == 0) controller->serve();
    if (a.held) controller->serve_held();
  }
  run_to_the_end(engine, report, a.stats && a.place.number == 0);
}

}  // namespace
}  // namespace fred

int main(int argc, char** argv) { return fred::main_of_engine(argc, argv); }
