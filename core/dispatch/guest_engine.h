// The engine of one process: holds the guest's parts together and runs its main loop, in every mode.
#pragma once
#include <memory>

#include "core/arch/x86/guest_cpu.h"
#include "core/dispatch/cpu.h"
#include "core/elf/load_plan.h"
#include "core/engine.h"
#include "core/memory/guest_memory.h"
#include "core/signals/guest_signals.h"
#include "core/trace/event_stream.h"
#include "core/translate/code_pages.h"

namespace fred {

class Processes;

struct EngineOptions {
  TranslateOptions translate;
  CpuLevel cpu = CpuLevel::v3;
  u64 checksum_every = 0;  // events between memory checksums; 0: none
};

/// How the guest ended.
struct GuestEnd {
  bool by_signal = false;
  int status = 0;  // exit status or signal
};

class GuestEngine final : public Engine {
 public:
  explicit GuestEngine(const EngineOptions& options);
  ~GuestEngine() override;

  // Engine
  Mode mode() const override { return events_.mode(); }
  GuestMemory& memory() override { return *memory_; }
  GuestProcess& process() override { return process_; }
  bool owns_descriptor(i64 fd) const override;
  const std::string& recording_dir() const override { return recording_dir_; }
  void notice_once(u64 key, const std::string& line) override;
  void code_gone(GuestRange range) override;
  void code_mapped(GuestRange range) override;
  void open_code_pages(GuestRange range) override;

  // Parts, for the families of system calls and for control.
  Cpu& cpu() { return *cpu_; }
  const GuestCpu& guest_cpu() const { return guest_cpu_; }
  GuestSignals& signals() { return *signals_; }
  EventStream& events() { return events_; }
  Processes& processes() { return *processes_; }
  const EngineOptions& options() const { return options_; }

  /// Loads a program into the empty guest area and sets the registers to its start. In a worker the plan
  /// and the inputs come from the log. The event that this belongs to is open.
  Result<> load(OpenPlan open, std::vector<std::string> env);
  /// The state with which a program starts that no file decides (ids, AT_RANDOM): from the outside.
  Result<> start(const std::string& program, std::vector<std::string> args, std::vector<std::string> env);

  Result<> start_recording(const std::string& dir);
  /// A worker: where in the log its snapshot was taken, and from there on its events.
  void set_replay_start(u64 offset) { replay_start_ = offset; }
  Result<> start_replaying(EventStream::OnDivergence on_divergence);
  /// The guest's own end was reached, not just the log's.
  bool ended_in_log() const { return !log_ran_out_; }
  u64 code_write_faults() const { return pages_->faults(); }

  /// Runs the guest to its end. In a worker: to the end of the log.
  GuestEnd run();

  Time now() const;
  /// The guest ends (exit_group, a fatal signal). Noted in the log; run() comes back.
  void end_guest(const GuestEnd& end);
  bool ended() const { return ended_; }

 private:
  void loop_once();
  void handle(const Exit& exit);
  void system_call();
  void fault();
  void fetch_fault();
  void raise(const KernelSignal& signal, const GuestFault& fault);
  void single_step_trap();
  /// Takes the asynchronous signal that is waiting, live or recorded, if there is one at this Time.
  bool deliver_waiting();
  void deliver(const KernelSignal& signal, const GuestFault* fault);
  /// Sets the counter to the next recorded signal.
  void plan_stop();
  u64 rest_at_fault() const;

  EngineOptions options_;
  GuestCpu guest_cpu_;
  CodeCache* cache_ = nullptr;
  std::unique_ptr<GuestMemory> memory_;
  std::unique_ptr<CodePages> pages_;
  std::unique_ptr<Cpu> cpu_;
  std::unique_ptr<GuestSignals> signals_;
  std::unique_ptr<Processes> processes_;
  EventStream events_;
  GuestProcess process_;
  std::string recording_dir_;
  std::vector<u64> noticed_;
  u64 replay_start_ = 0;
  bool ended_ = false;
  bool log_ran_out_ = false;
  GuestEnd end_;
};

/// The engine of this process, for handlers of system calls: theirs is always a GuestEngine.
inline GuestEngine& guest_engine(Syscall& call) { return static_cast<GuestEngine&>(call.engine()); }

}  // namespace fred
