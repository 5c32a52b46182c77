// The commands of fred; each returns the exit status.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fred {

struct RunOptions {
  std::vector<std::string> command;  // PROG ARGS…
  std::vector<std::string> engine;   // options passed to the engine
  bool stats = false;
  bool verify = false;
  bool rebuild_worker = false;  // verify in workers of fresh engines, from serialised states
  bool log_registers = false;
  std::string keep_log;
  std::uint64_t most_runs = 0;       // with chaos, until one fails; 0: one run
  int attach = 0;                    // instead of `command`: the process to attach to
  std::uint64_t snapshot_every = 0;  // milliseconds between snapshots while recording, for verify; 0: only the first
};

struct ServeOptions {
  std::vector<std::string> command;  // PROG ARGS…; may be empty
  std::vector<std::string> engine;   // options passed to the engine
  bool once = false;                 // end with the first gdb that has connected
  bool stdio = false;                // gdb is at standard input and output
  std::string socket;                // path of a Unix socket
  std::uint16_t port = 0;            // else of a local TCP port; 0: any
};

int run(const RunOptions& options);
int record(const RunOptions& options);
/// `fred record -p PID`: until the program ends, or until Ctrl-C; then it goes on without being recorded.
int record_attached(const RunOptions& options);
/// `fred record --chaos-until-failure`: runs the program with one seed after another, at most options.most_runs times.
/// The first seed is that of --chaos, if there is one. `found`: where the seed of the run that failed goes.
int record_until_failure(const RunOptions& options, std::optional<std::uint64_t>* found = nullptr);
/// What the program's end is called if all its threads wait for each other for ever, and it is ended for that.
inline constexpr int deadlock_status = 124;
int serve(const ServeOptions& options);
/// The log of one process as text, and which other processes the recording has.
int dump(const std::string& dir, std::uint32_t process);
/// Every row of the table of system calls, and how often the log has it (`fred dump --calls`).
int dump_calls(const std::string& dir, std::uint32_t process);
int stats(const std::string& dir);

/// One line on stderr, and the status for failures of fred itself.
int failed(const std::string& message, int status = 125);

}  // namespace fred
