// `fred record --chaos-until-failure`: one schedule after another, until the program fails under one.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <string_view>

#include "cli/record.h"
#include "cli/shell_words.h"
#include "core/base/write_all.h"

namespace fred {

namespace {

constexpr std::string_view chaos_option = "--chaos=";

/// The first seed, from the options of the engine, where it is taken out.
std::uint64_t take_first_seed(std::vector<std::string>& engine) {
  std::uint64_t seed = std::random_device{}();
  std::erase_if(engine, [&seed](const std::string& option) {
    if (!option.starts_with(chaos_option)) return false;
    seed = std::stoull(option.substr(chaos_option.size()));
    return true;
  });
  return seed;
}

/// What each run has as its standard input: a file from where it stands, else nothing, for it could be read only once.
UniqueFd input() {
  struct stat s = {};
  if (fstat(STDIN_FILENO, &s) == 0 && S_ISREG(s.st_mode)) {
    UniqueFd again{open("/proc/self/fd/0", O_RDONLY | O_CLOEXEC)};
    if (again) {
      lseek(again.get(), lseek(STDIN_FILENO, 0, SEEK_CUR), SEEK_SET);
      return again;
    }
  }
  return UniqueFd{open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

/// Takes the program's output, of which only that of the run that failed is shown.
UniqueFd output() {
  UniqueFd file{memfd_create("fred-output", MFD_CLOEXEC)};
  if (file) fcntl(file.get(), F_SETFL, O_APPEND);
  return file;
}

void show(const UniqueFd& from, int to) {
  char piece[65536];
  for (off_t at = 0;;) {
    const auto n = pread(from.get(), piece, sizeof piece, at);
    if (n <= 0) return;
    at += n;
    write_all(to, {piece, static_cast<std::size_t>(n)});
  }
}

std::string how(const RecordedRun& run) {
  if (!run.deadlock.empty()) return "deadlock: " + run.deadlock;
  if (run.signal != 0) return fmt::format("signal {} ({})", run.signal, strsignal(run.signal));
  return fmt::format("exit status {}", run.status);
}

/// As it is typed into a shell.
std::string words(const std::vector<std::string>& command) {
  std::string line;
  for (const auto& word : command) {
    const bool plain = !word.empty() && word.find_first_not_of(
                                            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                            "0123456789_-+=./:,@%") == std::string::npos;
    line += ' ' + (plain ? word : shell_quoted(word));
  }
  return line;
}

}  // namespace

int record_until_failure(const RunOptions& options, std::optional<std::uint64_t>* found) {
  auto one = options;
  const std::uint64_t first = take_first_seed(one.engine);
  const auto engine = one.engine;
  prepare_to_record();
  for (std::uint64_t i = 0; i < options.most_runs; ++i) {
    const std::uint64_t seed = first + i;
    auto folder = RecordingFolder::make_to_keep_later(options.keep_log);
    if (!folder) return failed(folder.error().message);
    const auto in = input(), out = output(), errors = output();
    if (!in || !out || !errors) return failed("cannot keep the output of the runs: " + std::string(strerror(errno)));
    one.engine = engine;
    one.engine.push_back(fmt::format("{}{}", chaos_option, seed));
    const auto run =
        record_once(one, {.folder = *folder, .standard = {in.get(), out.get(), errors.get()}, .end_deadlocks = true});
    const bool by_user = signal_of_user() != 0;
    if (run.whole && run.status == 0 && !by_user) continue;
    show(out, STDOUT_FILENO);
    show(errors, STDERR_FILENO);
    if (!run.whole) return run.status;
    if (by_user) {
      fmt::print(stderr, "fred: interrupted in run {}, seed {}; none before it failed\n", i + 1, seed);
      return 128 + signal_of_user();
    }
    fmt::print(stderr, "fred: run {} of at most {} failed, seed {}: {}\n", i + 1, options.most_runs, seed, how(run));
    if (!options.keep_log.empty()) {
      if (auto kept = folder->keep_as(options.keep_log); !kept) return failed(kept.error().message);
      fmt::print(stderr, "fred: its recording is in {}\n", options.keep_log);
    }
    if (found != nullptr) {
      *found = seed;
    } else {
      const auto again = fmt::format("{}{}{}", chaos_option, seed, words(engine));
      fmt::print(stderr, "fred: the same again: fred record {} --{}\n", again, words(options.command));
      fmt::print(stderr, "fred: to debug it: fred-gdb {}{} --args{}\n", chaos_option, seed, words(options.command));
    }
    return run.status;
  }
  fmt::print(stderr, "fred: {} runs, seeds {} to {}: none failed\n", options.most_runs, first,
             first + options.most_runs - 1);
  return 0;
}

}  // namespace fred
