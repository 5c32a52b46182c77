// fred: the command line.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <random>

#include "cli/commands.h"
#include "core/base/number.h"
#include "core/threads/chaos_runs.h"

namespace {

/// Accepts digits alone, and nothing for an option that does without a value.
CLI::Validator whole_number(std::uint64_t least, std::uint64_t most) {
  const auto check = [=](const std::string& text) -> std::string {
    const auto value = fred::whole_number<std::uint64_t>(text);
    if (text.empty() || (value && *value >= least && *value <= most)) return {};
    return fmt::format("'{}' is not a whole number from {} to {}", text, least, most);
  };
  return {check, "", ""};
}

/// Options of the engine, passed on as they are.
void add_engine_options(CLI::App& command, std::vector<std::string>& engine) {
  constexpr std::pair<const char*, const char*> switches[] = {
      {"--no-link", "blocks are never linked: every transfer goes through the dispatcher"},
      {"--no-inline-lookup", "indirect transfers go through the dispatcher"},
      {"--single-block", "a block ends at its first branch"},
      {"--no-fsgsbase", "the base of FS is changed by system calls, as on kernels without FSGSBASE"},
      {"--no-traces", "a block ends at every call"},
      {"--full-decoder", "every instruction is decoded by the full decoder"},
      {"--no-inline-notes", "breaks that are only counted leave the code cache"},
      {"--no-bmi2", "watched addresses are looked up by way of memory"},
      {"--one-counter", "all ticks are counted by the same counter"},
      {"--sleep-at-once", "a thread that waits for another one does so in the kernel from the start"},
      {"--whole-slices", "a thread that waits by spinning keeps the turn for all of its slice"},
      {"--compare-all-shared", "what other processes wrote to shared memory is found by comparing all of it"},
      {"--no-foreign", "what processes outside of the recording write is looked for at system calls only"},
      {"--any-processor", "threads are woken wherever there is room: the turn is not kept on one processor"},
      {"--no-children", "the program's children are not recorded"},
      {"--no-light", "clock functions and rdtsc take the long way through the dispatcher"},
  };
  for (const auto& [name, help] : switches) {
    command
        .add_flag_callback(
            name, [&engine, name = std::string(name)] { engine.push_back(name); }, help)
        ->group("Off switches");
  }
  command.add_flag_callback(
      "--lockstep", [&engine] { engine.emplace_back("--lockstep"); },
      "execute every block natively as well, instruction by instruction, and compare (slow)");
  command
      .add_option_function<std::string>(
          "--cpu", [&engine](const std::string& v) { engine.push_back("--cpu=" + v); },
          "the processor that the program sees: x86-64, x86-64-v2, x86-64-v3 (default), x86-64-v4, native")
      ->type_name("LEVEL");
  command
      .add_option_function<std::string>(
          "--chaos",
          [&engine](const std::string& v) {
            const auto seed = v.empty() ? std::to_string(std::random_device{}()) : v;
            if (v.empty()) fmt::print(stderr, "fred: chaos: --chaos={} makes the same choices\n", seed);
            engine.push_back("--chaos=" + seed);
          },
          "threads run for random slices, in random order: finds races that a fair schedule hides")
      ->expected(0, 1)
      ->check(whole_number(0, ~std::uint64_t{0}))
      ->type_name("SEED");
}

/// The program, which the command cannot do without.
void add_program(CLI::App& command, fred::RunOptions& options) {
  command.add_flag("--stats", options.stats, "print statistics at the end");
  command.add_option("program", options.command, "the program and its arguments")
      ->required()
      ->type_name("PROG ARGS...");
  command.positionals_at_end();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"fred: a reversible debugger for unmodified x86-64 Linux programs"};
  app.require_subcommand(1);
  fred::RunOptions options;
  std::string dir;
  int status = 0;

  auto* run = app.add_subcommand("run", "run a program translated; nothing is recorded");
  add_engine_options(*run, options.engine);
  add_program(*run, options);
  run->callback([&] { status = fred::run(options); });

  auto* record = app.add_subcommand("record", "run a program and record it");
  add_engine_options(*record, options.engine);
  add_program(*record, options);
  auto* const pid =
      record
          ->add_option("-p,--attach", options.attach,
                       "instead of a program: record the running process PID from now on, until it ends or "
                       "until Ctrl-C")
          ->type_name("PID");
  record->get_option("program")->required(false)->excludes(pid);
  record->add_flag("--verify", options.verify, "re-execute the recording afterwards and compare at every event");
  record->add_flag("--rebuild-worker", options.rebuild_worker,
                   "with --verify: re-execute in a fresh engine that starts from a serialised state, not in a fork");
  record
      ->add_option("--snapshot-every", options.snapshot_every,
                   "with --verify: take a snapshot every MS milliseconds, and re-execute from each to the next")
      ->type_name("MS");
  record->add_flag("--log-registers", options.log_registers,
                   "log all registers at every event, not their hash, so that a divergence shows which differ (implied "
                   "by --verify)");
  record->add_option("--keep-log", options.keep_log, "keep the recording in this folder")->type_name("DIR");
  record
      ->add_option_function<std::uint64_t>(
          "--checksum-every",
          [&options](std::uint64_t n) { options.engine.push_back(fmt::format("--checksum-every={}", n)); },
          "log a checksum of the memory every N events, for --verify")
      ->type_name("N");
  std::string most_runs;
  auto* until = record
                    ->add_option("--chaos-until-failure", most_runs,
                                 fmt::format("run it with one seed of --chaos after another until it fails, at most N "
                                             "times (default {})",
                                             fred::default_chaos_runs))
                    ->expected(0, 1)
                    ->type_name("N")
                    ->check(whole_number(1, fred::most_chaos_runs));
  pid->excludes(record->get_option("--rebuild-worker"))->excludes(until);
  for (const char* other : {"--verify", "--rebuild-worker", "--snapshot-every"})
    until->excludes(record->get_option(other));
  record->callback([&] {
    if (pid->count() != 0) {
      status = fred::record_attached(options);
      return;
    }
    if (options.command.empty()) throw CLI::RequiredError("program");
    if (until->count() != 0) options.most_runs = most_runs.empty() ? fred::default_chaos_runs : std::stoull(most_runs);
    status = options.most_runs != 0 ? fred::record_until_failure(options) : fred::record(options);
  });

  fred::ServeOptions serving;
  auto* serve = app.add_subcommand("serve", "debug a program, backwards too, with any gdb: target extended-remote");
  add_engine_options(*serve, serving.engine);
  serve->add_flag("--once", serving.once, "end when gdb has disconnected");
  auto* port = serve->add_option("--port", serving.port, "listen on this TCP port of localhost (default: any)");
  auto* socket = serve->add_option("--socket", serving.socket, "listen on a Unix socket at PATH")->excludes(port);
  serve->add_flag("--stdio", serving.stdio, "gdb is at standard input and output (target remote | fred serve --stdio)")
      ->excludes(port)
      ->excludes(socket);
  serve->add_option("program", serving.command, "the program and its arguments; without it gdb's `run` names one")
      ->type_name("PROG ARGS...");
  serve->positionals_at_end();
  serve->callback([&] { status = fred::serve(serving); });

  auto* dump = app.add_subcommand("dump", "print a kept recording as text");
  dump->add_option("dir", dir, "the folder of the recording")->required();
  bool calls = false;
  dump->add_flag("--calls", calls,
                 "instead, for every system call: number, name, class of its row, how often it was made and how often "
                 "it succeeded");
  std::uint32_t process = 1;
  dump->add_option("--process", process, "the process with this number instead of the first")
      ->type_name("N")
      ->check(whole_number(1, ~std::uint32_t{0}));
  dump->callback([&] { status = calls ? fred::dump_calls(dir, process) : fred::dump(dir, process); });

  auto* stats = app.add_subcommand("stats", "print statistics of a kept recording");
  stats->add_option("dir", dir, "the folder of the recording")->required();
  stats->callback([&] { status = fred::stats(dir); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 125;
  }
  return status;
}
