// Where a guest and its log begin: a program that is loaded, a child of the guest, a worker.
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/check.h"
#include "core/base/descriptor.h"
#include "core/base/exec_strings.h"
#include "core/base/lifeline.h"
#include "core/base/raw_syscall.h"
#include "core/dispatch/conditions.h"
#include "core/dispatch/guest_engine.h"
#include "core/elf/initial_stack.h"
#include "core/elf/loader.h"
#include "core/memory/layout.h"
#include "core/signals/kernel_signals.h"
#include "core/syscalls/limits.h"
#include "core/threads/threads.h"
#include "core/vdso/vdso.h"

namespace fred {

Result<> GuestEngine::load(OpenPlan open, std::vector<std::string> env) {
  // The plan and what else comes from the outside are part of the event that is open.
  const auto bytes = open.plan.serialise();
  std::string blob(bytes.begin(), bytes.end());
  events_.blob(blob);
  if (mode() == Mode::replay) {
    auto plan = LoadPlan::deserialise({reinterpret_cast<const u8*>(blob.data()), blob.size()});
    if (!plan) return std::unexpected(plan.error());
    open = OpenPlan{.plan = std::move(*plan), .executable = {}, .interpreter = {}};
  }
  StackInputs inputs;
  if (mode() != Mode::replay) {
    inputs.uid = getuid();
    inputs.euid = geteuid();
    inputs.gid = getgid();
    inputs.egid = getegid();
    raw_syscall(SYS_getrandom, reinterpret_cast<u64>(inputs.random.data()), inputs.random.size(), 0);
  }
  inputs.hwcap = guest_cpu_.hwcap();
  inputs.hwcap2 = guest_cpu_.hwcap2();
  inputs.smallest_signal_stack = signals_->frame_size();
  inputs.stack_room = memory_->wanted_stack_room();
  events_.value(&inputs, sizeof inputs);
  memory_->set_stack_room(inputs.stack_room);
  pages_->forget_all();
  memory_->clear_guest();
  auto loaded = apply_load_plan(*this, open, vdso_image());
  if (!loaded) return std::unexpected(loaded.error());
  process_.exe = open.plan.exe;
  process_.args = open.plan.args;
  process_.env = std::move(env);
  process_.comm = open.plan.comm;
  if (mode() != Mode::replay) prctl(PR_SET_NAME, process_.comm.c_str());
  auto sp = make_initial_stack(*this, open.plan, *loaded, inputs);
  if (!sp) return std::unexpected(sp.error());
  cpu_->reset(loaded->start, *sp);
  return {};
}

Result<> GuestEngine::start(const std::string& program, std::vector<std::string> args, std::vector<std::string> env) {
  OpenPlan plan;
  if (mode() != Mode::replay) {
    auto found = open_program(program, std::move(args));
    if (!found) return std::unexpected(found.error());
    auto made = make_load_plan(*this, std::move(*found));
    if (!made) return std::unexpected(made.error());
    plan = std::move(*made);
    process_.thread = static_cast<i32>(raw_syscall(SYS_gettid));
  }
  events_.begin(EventKind::start, 0, now(), cpu_->regs());
  // What the process has from whoever executed it.
  ProcessPlace place = tree_.place();
  events_.value(&place, sizeof place);
  events_.value(&process_.thread, sizeof process_.thread);
  events_.value(&signals_->state(), sizeof signals_->state());
  events_.value(&guest_limits(), sizeof guest_limits());
  auto strings = joined(env);
  events_.blob(strings);
  if (mode() == Mode::replay) {
    tree_.replay(place);
    env = separated(strings);
  }
  auto loaded = load(std::move(plan), std::move(env));
  if (events_.mode() != Mode::run) events_.end();
  return loaded;
}

Result<> GuestEngine::start_recording(const std::string& dir) {
  recording_dir_ = dir;
  events_.order_by(tree_.order());
  const bool tracks = all_take_turns() && !options_.lockstep && !options_.compare_shared;
  if (const auto journal = tree_.page_journal(); journal.exists() && tracks)
    memory_->shared_pages().begin(journal, tree_.turn_deaths(), [this] { return tree_.turn().held(); });
  return events_.start_recording(log_path(dir, process_number()));
}

Result<> GuestEngine::start_again(const std::string& dir, u32 process) {
  recording_dir_ = dir;
  threads_->become_worker();
  if (auto started = events_.start_replaying(log_path(dir, process), 0, 0); !started) return started;
  return start({}, {}, {});
}

Result<> GuestEngine::begin_child(const ProcessPlace& place) {
  const bool worker = mode() == Mode::replay;
  const auto log = log_path(recording_dir_, place.number);
  if (auto begun = worker ? events_.start_replaying(log, 0, 0) : events_.start_recording(log); !begun) return begun;
  if (!worker) events_.order_by(tree_.order());
  last_checksum_ = 0;
  events_.begin(EventKind::forked, 0, now(), cpu_->regs());
  ProcessPlace own = place;
  events_.value(&own, sizeof own);
  if (worker) tree_.replay(own);
  return {};
}

void GuestEngine::run_as_child() {
  if (on_child_) on_child_();
  end_as(run());
}

void GuestEngine::leave_tree() {
  events_.leave_log();
  memory_->shared_pages().stop();
  tree_.leave();
  release_lifeline();
}

void GuestEngine::leave_recording() {
  leave_tree();
  recording_dir_.clear();
  (void)conditions_->set({});
  conditions_->arm(Conditions::Use::none, {});
  const int errors = error_descriptor();
  set_error_descriptor(-1);
  close_engine_descriptor(errors);
}

Result<> GuestEngine::start_replaying() {
  cpu_->no_stop();
  stand_.waiting.reset();
  threads_->become_worker();
  return events_.start_replaying(log_path(recording_dir_, process_number()), replay_start_.offset,
                                 replay_start_.events);
}

}  // namespace fred
