// fred-engine: runs one guest. Started by the front ends (cli/), which find the program and say what is
// wanted; not meant to be started by hand.
//
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
#include "core/base/lifeline.h"
#include "core/base/log.h"
#include "core/base/number.h"
#include "core/base/raw_syscall.h"
#include "core/control/controller.h"
#include "core/control/report.h"
#include "core/control/statistics.h"
#include "core/dispatch/guest_state.h"
#include "core/dispatch/processes.h"
#include "core/elf/program.h"
#include "core/signals/kernel_signals.h"
#include "core/syscalls/limits.h"
#include "core/threads/guest_thread.h"

namespace fred {
namespace {

struct Arguments {
  bool record = false, adopt = false;
  std::string dir;
  std::string state;  // rebuild, adopt: where the guest's state lies
  int env_fd = -1, control_fd = -1, lifeline_fd = -1;
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
    {"--one-counter", &TranslateOptions::two_counters, false},
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

Arguments parse(int argc, char** argv) {
  Arguments a;
  if (argc < 2) quit(125, "fred-engine is started by fred; see 'fred --help'");
  a.adopt = a.engine.adopted = std::string_view{argv[1]} == "adopt";
  a.record = a.adopt || std::string_view{argv[1]} == "record";
  int i = 2;
  for (; i < argc && std::string_view{argv[i]} != "--"; ++i) {
    const std::string_view arg = argv[i];
    const auto value = arg.substr(std::min(arg.size(), arg.find('=') + 1));
    bool known = false;
    for (const auto& s : switches) {
      if (arg != s.name) continue;
      a.engine.translate.*s.option = s.value;
      known = true;
    }
    if (known) continue;
    if (arg.starts_with("--state=")) {
      a.state = value;
    } else if (arg.starts_with("--dir=")) {
      a.dir = value;
    } else if (arg.starts_with("--env-fd=")) {
      a.env_fd = number<int>(value);
    } else if (arg.starts_with("--control-fd=")) {
      a.control_fd = number<int>(value);
    } else if (arg.starts_with("--lifeline-fd=")) {
      a.lifeline_fd = number<int>(value);
    } else if (arg.starts_with("--checksum-every=")) {
      a.engine.checksum_every = number<u64>(value);
    } else if (arg.starts_with("--chaos=")) {
      a.engine.chaos = number<u64>(value);
    } else if (arg == "--stats") {
      a.stats = true;
    } else if (arg == "--log-registers") {
      a.engine.log_registers = true;
    } else if (arg == "--no-fsgsbase") {
      use_no_fsgsbase();
    } else if (arg == "--lockstep") {
      a.engine.lockstep = true;
    } else if (arg.starts_with("--cpu=")) {
      auto level = parse_cpu_level(value);
      if (!level) quit(125, level.error().message);
      a.engine.cpu = *level;
    } else if (arg.starts_with("--log=")) {
      if (auto r = set_log_levels(value); !r) quit(125, r.error().message);
    } else {
      quit(125, fmt::format("fred-engine: unknown option '{}'", arg));
    }
  }
  if (i + 2 >= argc + 0 && i + 1 >= argc) quit(125, "fred-engine: no program");
  a.program = argv[++i];
  for (++i; i < argc; ++i) a.args.emplace_back(argv[i]);
  return a;
}

/// The guest's environment, NUL-terminated strings in a file.
std::vector<std::string> read_environment(int fd) {
  std::vector<std::string> env;
  std::string all;
  char piece[65536];
  for (off_t at = 0;;) {
    const auto n = pread(fd, piece, sizeof piece, at);
    if (n <= 0) break;
    all.append(piece, static_cast<std::size_t>(n));
    at += n;
  }
  close(fd);
  for (std::size_t at = 0; at < all.size();) {
    env.emplace_back(all.c_str() + at);
    at += env.back().size() + 1;
  }
  return env;
}

/// The descriptors that a session gives an engine whose process is not its child.
void take_descriptors(int control) {
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
  if (auto started = engine.start_recording(a.dir); !started) {
    give_back(engine, *state, report, started.error().message);
  }
  const auto entries = adopt(engine, *state);
  if (!entries) give_back(engine, *state, report, entries.error().message);
  engine.signals().mirror_all();
  report.taken_over(*entries);
}

int main_of_engine(int argc, char** argv) {
  auto a = parse(argc, argv);
  // Our own descriptors go out of the guest's way first.
  if (!a.adopt) {
    const i64 errors = raise_descriptor(raw_syscall(SYS_fcntl, 2, F_DUPFD_CLOEXEC, 3));
    if (errors >= 0) set_error_descriptor(static_cast<int>(errors));
  }
  std::vector<std::string> env;
  if (a.env_fd >= 0) env = read_environment(a.env_fd);
  if (a.control_fd >= 0) a.control_fd = static_cast<int>(raise_descriptor(a.control_fd));
  if (a.lifeline_fd >= 0) hold_lifeline(a.lifeline_fd);
  if (a.adopt) take_descriptors(a.control_fd);
  take_over_limits();

  GuestEngine engine(a.engine);
  if (!a.adopt) {
    install_kernel_signals(engine.cpu());
    engine.signals().inherit();
  }
  if (!a.adopt && !a.state.empty()) {
    block_all_signals();
    if (auto r = load_guest(engine, a.dir, a.state); !r) quit(125, r.error().message);
    be_worker(engine, a.control_fd);
  }
  Reporter report(a.control_fd);
  if (a.engine.log_registers) engine.events().log_full_registers();
  if (a.adopt) {
    take_over(engine, a, report);
  } else {
    if (a.record) {
      if (auto r = engine.start_recording(a.dir); !r) quit(125, r.error().message);
    }
    if (auto r = engine.start(a.program, std::move(a.args), std::move(env)); !r) {
      report.start_failed();
      quit(exit_status_for(r.error()), r.error().message);
    }
    engine.signals().mirror_all();
  }
  engine.on_deadlock([&report](const std::string& text) { report.deadlock(text); });
  std::optional<Controller> controller;
  if (a.control_fd >= 0) {
    controller.emplace(engine, report);
    if (!a.adopt) report.started();
    controller->serve();
  }
  const auto end = engine.run();
  if (!engine.processes().unrecorded_child()) {
    report.ended(engine, end);
    if (a.stats) {
      const auto text = statistics_text(engine);
      raw_syscall(SYS_write, static_cast<u64>(error_descriptor()), reinterpret_cast<u64>(text.data()), text.size());
    }
  }
  end_as(end);
}

}  // namespace
}  // namespace fred

int main(int argc, char** argv) { return fred::main_of_engine(argc, argv); }
