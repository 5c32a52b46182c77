// fred-engine: runs one guest. Started by the front ends (cli/), which find the program and say what is
// wanted; not meant to be started by hand.
//
//   fred-engine rebuild --dir=DIR --state=PATH --control-fd=N [OPTIONS] -- PROGRAM   a worker (guest_state.h)
//   fred-engine run|record [--dir=DIR] [--env-fd=N] [--control-fd=N] [OPTIONS] -- PROGRAM ARGV0 ARGS…
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "ckpt/snapshot/snapshot.h"
#include "core/arch/x86/segment_base.h"
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

namespace fred {
namespace {

struct Arguments {
  bool record = false;
  std::string dir;
  std::string state;  // rebuild: where the guest's state lies
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
  a.record = std::string_view{argv[1]} == "record";
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

int main_of_engine(int argc, char** argv) {
  auto a = parse(argc, argv);
  // Our own descriptors go out of the guest's way first.
  const i64 errors = raise_descriptor(raw_syscall(SYS_fcntl, 2, F_DUPFD_CLOEXEC, 3));
  if (errors >= 0) set_error_descriptor(static_cast<int>(errors));
  std::vector<std::string> env;
  if (a.env_fd >= 0) env = read_environment(a.env_fd);
  if (a.control_fd >= 0) a.control_fd = static_cast<int>(raise_descriptor(a.control_fd));
  if (a.lifeline_fd >= 0) hold_lifeline(a.lifeline_fd);
  take_over_limits();

  GuestEngine engine(a.engine);
  install_kernel_signals(engine.cpu());
  engine.signals().inherit();
  if (!a.state.empty()) {
    block_all_signals();
    if (auto r = load_guest(engine, a.dir, a.state); !r) quit(125, r.error().message);
    be_worker(engine, a.control_fd);
  }
  Reporter report(a.control_fd);
  if (a.record) {
    if (a.engine.log_registers) engine.events().log_full_registers();
    if (auto r = engine.start_recording(a.dir); !r) quit(125, r.error().message);
  }
  if (auto r = engine.start(a.program, std::move(a.args), std::move(env)); !r) {
    report.start_failed();
    quit(exit_status_for(r.error()), r.error().message);
  }
  engine.signals().mirror_all();
  engine.on_deadlock([&report](const std::string& text) { report.deadlock(text); });
  std::optional<Controller> controller;
  if (a.control_fd >= 0) {
    controller.emplace(engine, report);
    report.started();
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
