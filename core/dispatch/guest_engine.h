// The engine of one process: holds the guest's parts together and runs its main loop, in every mode.
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "core/arch/x86/guest_cpu.h"
#include "core/dispatch/cpu.h"
#include "core/dispatch/edit.h"
#include "core/elf/load_plan.h"
#include "core/engine.h"
#include "core/memory/guest_memory.h"
#include "core/signals/guest_signals.h"
#include "core/threads/guest_thread.h"
#include "core/trace/event_stream.h"
#include "core/translate/code_pages.h"
#include "core/tree/recorded_tree.h"

namespace fred {

class Conditions;
class ForeignAccess;
class Lockstep;
class Processes;
class Threads;

struct EngineOptions {
  TranslateOptions translate;
  bool lockstep = false;  // every block natively as well (lockstep.h)
  CpuLevel cpu = CpuLevel::v3;
  bool log_registers = false;      // every event holds all registers, not their hash
  std::optional<u64> chaos;        // seed of the chaos scheduler (core/threads/scheduler.h); none: the fair one
  u64 checksum_every = 0;          // events between memory checksums; 0: none
  bool children = true;            // the guest's children are recorded as well
  bool looks = true;               // --sleep-at-once: a thread that waits for the turn does so in the kernel (turn.h)
  bool one_processor = true;       // --any-processor: the turn is not kept on one (core/threads/home.h)
  bool compare_shared = false;     // --compare-all-shared: nobody keeps book of what it writes (shared_pages.h)
  bool foreign = true;             // --no-foreign: what others write is looked for at system calls only
  bool adopted = false;            // the program ran before the engine was in its process (docs/ATTACH.md)
  std::vector<std::string> words;  // the options as they were given, for the engine of an executed child
};

/// How the guest ended.
struct GuestEnd {
  bool by_signal = false;
  int status = 0;  // exit status or signal
};

/// Ends this process in the same way.
[[noreturn]] void end_as(const GuestEnd& end);

/// How far GuestEngine::advance() may go.
struct Advance {
  u64 stop_ticks = 0;  // the clock stops there; 0, or a tick that is past: nowhere
  bool one = false;    // one instruction
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
  u32 process_number() const override { return tree_.place().number; }
  void notice_once(u64 key, const std::string& line) override;
  void code_gone(GuestRange range) override;
  void code_mapped(GuestRange range) override;
  void open_pages(GuestRange range) override;
  void foreign_memory_changed() override;

  // Parts, for the families of system calls and for control.
  Cpu& cpu() { return *cpu_; }
  const GuestCpu& guest_cpu() const { return guest_cpu_; }
  GuestSignals& signals() { return *signals_; }
  EventStream& events() { return events_; }
  RecordedTree& tree() { return tree_; }
  Processes& processes() { return *processes_; }
  Threads& threads() { return *threads_; }
  ThreadStand& stand() { return stand_; }
  const EngineOptions& options() const { return options_; }
  Conditions& conditions() { return *conditions_; }
  ForeignAccess& foreign() { return *foreign_; }

  /// Loads a program into the empty guest area and sets the registers to its start. In a worker the plan
  /// and the inputs come from the log. The event that this belongs to is open.
  Result<> load(OpenPlan open, std::vector<std::string> env);
  /// The state with which a program starts that no file decides (ids, AT_RANDOM): from the outside.
  Result<> start(const std::string& program, std::vector<std::string> args, std::vector<std::string> env);

  Result<> start_recording(const std::string& dir);
  /// A worker of an executed process, from the begin of its log: start() takes everything from there.
  Result<> start_again(const std::string& dir, u32 process);
  /// Live: the program goes on under the engine, and nothing is recorded any more.
  void leave_recording();
  /// The part of it that is the same for a child.
  void leave_tree();
  bool is_adopted_live() const { return options_.adopted && !is_worker(); }
  /// A worker re-executes from where in the log its snapshot was taken.
  struct LogPlace {
    u64 offset = 0, events = 0;
  };
  void set_replay_start(const LogPlace& place) { replay_start_ = place; }
  Result<> start_replaying();
  /// Within a fork of the guest: this process, live or re-executed, is the child from here on, and logs or reads its
  /// own log. The child's first event is open then. Live: an Error leaves it without a log.
  Result<> begin_child(const ProcessPlace& place);
  /// Null without --lockstep.
  const Lockstep* lockstep() const { return lockstep_.get(); }
  u64 code_write_faults() const { return pages_->faults(); }

  /// Runs the guest to its end.
  GuestEnd run();
  /// A worker: re-executes until event number `until` is next, or to the end of the log if that is 0. False: the
  /// log ends before that, or before the guest does.
  bool run_events(u64 until);

  /// What is to be done at the next safe point of run() after the session has asked for something
  /// (core/signals: control_requested()).
  void on_request(std::function<void()> handler) { on_request_ = std::move(handler); }

  /// Live: what is shared with other recorded processes does not change from here on, until it waits or stands.
  void take_shared_turn();

  /// Live, within the fork: this process has become a child, recorded or not.
  void on_forked(std::function<void()> handler) { on_forked_ = std::move(handler); }
  void tell_forked() const {
    if (on_forked_) on_forked_();
  }
  /// Live: a forked child does nothing that its parent's session has asked for: it runs by itself. `handler` takes
  /// over, and does not come back.
  void on_child(std::function<void()> handler) { on_child_ = std::move(handler); }
  [[noreturn]] void run_as_child();

  /// Live: what is to be done when all threads wait for each other for ever. Told once.
  void on_deadlock(std::function<void(const std::string& text)> handler) { on_deadlock_ = std::move(handler); }
  void tell_deadlock(const std::string& text) const {
    if (on_deadlock_) on_deadlock_(text);
  }

  /// Goes on to the next point at which the engine looks around: a stop of the clock or at a break, an
  /// event, a fault. Every such point is at a Time of the guest.
  void advance(const Advance& how);
  /// The rep instruction at pc executes `iterations` more, which must leave some to come. False: it cannot.
  bool advance_repeated(u64 iterations);
  /// The last advance() of a worker needed an event that the log does not hold (yet): nothing was done.
  bool log_exhausted() const { return log_exhausted_; }
  /// Signal number of the fault that is raised and not yet delivered (phase 1), else 0.
  int raised_signal() const { return stand_.raised ? stand_.raised->signal.number : 0; }
  /// What is delivered when the guest goes on: the fault that is raised, or an asynchronous signal; null: nothing, as
  /// far as that is known here.
  const KernelSignal* signal_here();
  /// The system call that is executed next, not one of a clock function of the vDSO; and the one just made.
  std::optional<u32> system_call_here();
  std::optional<u32> system_call_behind() const { return stand_.after_call ? stand_.last_call : std::nullopt; }
  const GuestEnd& end() const { return end_; }
  /// Changes the guest where it stands (edit.h).
  Result<> edit(const Edit& edit);
  /// The signal that is delivered when the guest goes on, at the tip; none if `signal.number` is 0.
  Result<> edit_signal(const KernelSignal& signal);
  /// Re-executes a recording, or did until it was edited.
  bool is_worker() const { return edited_ || mode() == Mode::replay; }
  bool is_edited() const { return edited_; }
  /// May the process be forked or stopped here? Not while it shares its memory with a vfork child.
  bool is_safe_point() const;
  /// After block_all_signals(): this kernel thread takes again what its guest thread does not block.
  void unblock_signals();
  /// A vfork child that shared this engine has gone, however it ended.
  void forget_interruption();

  Time now() const;
  /// The guest ends (exit_group, a fatal signal). Noted in the log; run() comes back.
  void end_guest(const GuestEnd& end);
  bool ended() const { return ended_; }

 private:
  // guest_state.h: the guest's whole state goes out and in.
  friend Result<> save_guest(GuestEngine& engine, const std::string& path);
  friend class ForeignAccess;
  friend Result<> load_guest(GuestEngine& engine, const std::string& recording_dir, const std::string& path);
  void handle(const Exit& exit);
  void system_call();
  void fault();
  void fetch_fault();
  void raise(const KernelSignal& signal, const GuestFault& fault);
  void single_step_trap();
  /// Takes the asynchronous signal that is waiting, live or recorded, if there is one at this Time.
  bool deliver_waiting();
  /// `at`: since when it was due.
  void deliver(const KernelSignal& signal, const GuestFault* fault, const Time& at);
  /// Live: does a thread that spins give way to others, of this process or of those that share memory?
  bool gives_way();
  /// Has the clock stop where `wanted` says, or to the next recorded or waiting signal if that is nearer.
  void plan_stop(u64 wanted);
  // shared_memory.cpp
  /// Live: false: it is not to execute anything now, for it does not have the turn of processes that share memory, or
  /// has just got it, and with it another Time.
  bool hold_shared_turn();
  /// Does whoever writes to the memory that is shared take turns, as far as this process can know?
  bool all_take_turns() const { return options_.children && !options_.adopted; }
  /// Live: the turn is about to be given up.
  void release_shared();
  /// A worker: true: that happened here, and does again.
  bool replay_turn();
  /// An event of that kind, behind which it is another Time: shared memory gets the contents of the ranges that
  /// `changes`, which is called in the event, gives in live.
  void turn_event(EventKind kind, const std::function<std::vector<GuestRange>()>& changes);
  /// Cpu::step(), whatever memory the instruction accesses.
  Exit step_cpu();
  /// Live: a stop of the clock, or behind a system call: a worker finds this point without being told of it.
  bool is_findable() const;
  /// Live: it may be looked here whether memory is foreign.
  bool may_look() const;
  /// A worker: the next event, if it is of that kind and happened here; else null.
  const EventHeader* next_here(EventKind kind);
  /// Another thread runs, if one can.
  void switch_thread();
  /// Logs or compares checksums of memory if that is due here (--checksum-every).
  void checksum();
  Exit step_one();
  /// A worker: the next event if it is an edit.
  const EventHeader* next_edit();
  /// A worker: an edit or a change of threads that is within this tick is approached step by step.
  bool approach_event();
  void replay_edit();
  bool can_apply(const Edit& edit) const;
  void apply(const Edit& edit);
  void leave_history();
  bool executes_when_edited(const Exit& exit) const;
  /// Iterations done of the rep instruction at pc since it was last entered.
  u64 repeated_iterations() const;

  EngineOptions options_;
  GuestCpu guest_cpu_;
  CodeCache* cache_ = nullptr;
  std::unique_ptr<GuestMemory> memory_;
  std::unique_ptr<CodePages> pages_;
  std::unique_ptr<Cpu> cpu_;
  std::unique_ptr<GuestSignals> signals_;
  std::unique_ptr<Processes> processes_;
  std::unique_ptr<Threads> threads_;
  std::unique_ptr<Lockstep> lockstep_;  // null without --lockstep
  std::unique_ptr<Conditions> conditions_;
  std::unique_ptr<ForeignAccess> foreign_;
  EventStream events_;
  RecordedTree tree_;
  GuestProcess process_;
  std::string recording_dir_;
  std::vector<u64> noticed_;
  LogPlace replay_start_;
  bool ended_ = false;
  bool log_exhausted_ = false;
  bool begins_or_turned_ = true;  // nothing has been executed yet, or since turn_event(): a worker finds that as well
  u64 shared_slice_end_ = 0;      // ticks at which processes that share memory may want the turn
  u64 last_checksum_ = 0;         // the number of that event
  ThreadStand stand_;             // of the thread that runs
  KernelSignal recorded_signal_;  // a worker: signal_here() of the log
  bool edited_ = false;           // a worker that has left the recorded path
  std::function<void()> on_request_;
  std::function<void()> on_forked_, on_child_;
  std::function<void(const std::string&)> on_deadlock_;
  GuestEnd end_;
};

/// The engine of this process, for handlers of system calls: theirs is always a GuestEngine.
inline GuestEngine& guest_engine(Syscall& call) { return static_cast<GuestEngine&>(call.engine()); }

}  // namespace fred
