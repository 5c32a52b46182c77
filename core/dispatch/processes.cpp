#include "core/dispatch/processes.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "core/base/check.h"
#include "core/base/directory.h"
#include "core/base/exec_strings.h"
#include "core/base/log.h"
#include "core/base/raw_syscall.h"
#include "core/dispatch/conditions.h"
#include "core/dispatch/executed_child.h"
#include "core/dispatch/fork.h"
#include "core/elf/initial_stack.h"
#include "core/elf/program.h"
#include "core/syscalls/limits.h"
#include "core/threads/threads.h"

extern "C" fred::i64 fred_clone_on_stack(fred::u64 flags, void* stack_top, void (*child)(void*), void* argument,
                                         fred::u32* cleared);

namespace fred {

namespace {

constexpr u64 child_stack_size = u64{1} << 20;

constexpr u64 notice_no_descriptors = u64{1} << 47;
constexpr u64 notice_no_log = u64{1} << 43;

/// What clone gives a child that its parent has not. `stack`: 0 for the parent's.
void set_child_registers(Registers& regs, const Syscall& call, u64 flags, GuestAddr stack) {
  if (stack.value != 0) regs.gpr[rsp] = stack.value;
  if ((flags & CLONE_SETTLS) != 0) regs.fs_base = call.arg(4);
}

/// Closes what is marked close-on-exec, but for the engine's own and the files of the plan.
void close_on_exec(GuestEngine& engine, const OpenPlan& plan) {
  std::vector<int> closing;
  {
    const UniqueFd folder{
        raw_syscall(SYS_open, reinterpret_cast<u64>("/proc/self/fd"), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!folder) return;
    any_entry(folder.get(), [&](const char* name) {
      const int fd = std::atoi(name);
      const bool ours = fd == folder.get() || engine.owns_descriptor(fd);
      if (ours || fd == plan.executable.get() || fd == plan.interpreter.get()) return false;
      const i64 flags = raw_syscall(SYS_fcntl, static_cast<u64>(fd), F_GETFD);
      if (!is_error(flags) && (flags & FD_CLOEXEC) != 0) closing.push_back(fd);
      return false;
    });
  }
  for (const int fd : closing) raw_syscall(SYS_close, static_cast<u64>(fd));
}

}  // namespace

i64 Processes::share_memory(Syscall& call) {
  auto& memory = engine_.memory();
  if (!memory.shares_at_fork()) return 0;
  GuestMemory::SharedForFork shared;
  if (!call.replaying()) shared = memory.share_for_fork();
  call.value(&shared, sizeof shared);
  if (call.replaying()) {
    if (const auto now = memory.share_for_fork(shared.objects); now.objects != shared.objects) {
      engine_.events().diverged(fmt::format("recorded: {} objects of memory shared with a child; now: {} (errno {})",
                                            shared.objects, now.objects, -now.error),
                                engine_.now());
    }
  }
  return shared.error;
}

i64 Processes::fork(Syscall& call, u64 flags, GuestAddr stack) {
  std::optional<RecordedTree::NewProcess> place;  // live: the child's
  const bool tells_child = (flags & CLONE_CHILD_SETTID) != 0;
  if (tells_child) call.will_write(call.addr(3), sizeof(i32));
  bool child = false;
  const i64 shared = share_memory(call);
  const auto ask = [&]() -> i64 {
    if (shared < 0) return shared;
    engine_.threads().words_became_shared();
    auto& tree = engine_.tree();
    auto& turn = tree.turn();
    if (engine_.mode() == Mode::record) engine_.memory().refresh_shared(true);  // the child knows what it begins with
    if (engine_.mode() == Mode::record && engine_.options().children) {
      place = tree.prepare(engine_.events().events());
      if (!place) {
        engine_.notice_once(notice_no_descriptors,
                            "a child is not recorded: the engine has no descriptors left for its control socket");
      }
    }
    if (place) tree.announce(*place);
    const bool turn_away = turn.held() && (flags & CLONE_VFORK) != 0;  // until the child has gone
    if (turn_away) turn.release();
    const i64 pid = fork_engine(engine_.cpu(), flags, call.arg(2), call.arg(3));
    child = pid == 0;
    if (child) {
      engine_.events().leave_log();  // before anything more is logged: the log is the parent's, as is the turn
      turn.forget();
      return 0;
    }
    if (place) {
      engine_.events().order_by(tree.order());
      if (pid > 0) tree.announce(*place, pid);
      RecordedTree::release(*place);
    }
    engine_.signals().set_mask(engine_.signals().state().mask, false);
    while (turn_away && !turn.take()) {
    }
    return pid;
  };
  // A worker that is to go on as the child which this process was just making when it was killed.
  child = call.replaying() && engine_.events().in_unfinished();
  const i64 result = child ? 0 : call.perform(ask);
  ProcessPlace chosen;
  if (place) chosen = place->place;
  if (!child && result > 0 && engine_.mode() != Mode::run) {
    call.value(&chosen, sizeof chosen);
    child = call.replaying() && chosen.number != 0 && chosen.number == entering_;
  }
  if (!child) {
    if (result > 0) engine_.conditions().process_event(ProcessCondition::Event::fork, result);
    return result;
  }
  const GuestAddr clear_tid = (flags & CLONE_CHILD_CLEARTID) != 0 ? call.addr(3) : GuestAddr{};
  if (call.replaying()) {
    begin_again(clear_tid);
  } else {
    begin_live(place, clear_tid);
    if ((flags & CLONE_VFORK) != 0) held_ = false;  // its parent, for which the session waits, waits for its end
  }
  if (tells_child) call.output(call.addr(3), sizeof(i32));
  if (engine_.mode() != Mode::run) engine_.events().end();
  call.close_event();
  if (!call.replaying()) engine_.tree().tell_begun();
  set_child_registers(engine_.cpu().regs(), call, flags, stack);
  return 0;
}

void Processes::begin_live(const std::optional<RecordedTree::NewProcess>& place, GuestAddr clear_tid) {
  held_ = place && engine_.conditions().holds_children();
  (void)engine_.conditions().set({});  // they are the session's, which has not asked this process for anything
  const auto tid = static_cast<i32>(raw_syscall(SYS_gettid));
  engine_.threads().forked_child(clear_tid, tid);
  take_pending_signal();  // it was the parent's
  engine_.memory().apply_fork_advice();
  engine_.signals().set_mask(engine_.signals().state().mask, false);
  if (place) {
    engine_.tree().become(*place);
    engine_.tell_forked();
    if (auto begun = engine_.begin_child(engine_.tree().place()); begun) {
      engine_.events().value(&engine_.process().thread, sizeof engine_.process().thread);
      return;
    } else {
      engine_.notice_once(notice_no_log,
                          fmt::format("a child ({}) is not recorded: {}", getpid(), begun.error().message));
    }
  }
  LOG_INFO(dispatch, "forked child {}: not recorded", getpid());
  leave_recording();
  engine_.tell_forked();
}

void Processes::begin_again(GuestAddr clear_tid) {
  engine_.memory().apply_fork_advice();
  if (auto begun = engine_.begin_child({.number = std::exchange(entering_, 0)}); !begun) {
    engine_.events().diverged("the log of the child: " + begun.error().message, engine_.now());
  }
  i32 tid = 0;
  engine_.events().value(&tid, sizeof tid);
  engine_.threads().forked_child(clear_tid, tid);
}

void Processes::leave_recording() {
  engine_.leave_tree();
  unrecorded_child_ = true;
}

bool Processes::enter_child(u32 number, u64 event) {
  entering_ = number;
  engine_.events().take_unfinished(event);
  while (entering_ != 0 && !engine_.ended()) {
    engine_.advance({});
    if (engine_.log_exhausted()) break;
  }
  return std::exchange(entering_, 0) == 0;
}

void Processes::vfork_child(void* self) {
  auto& processes = *static_cast<Processes*>(self);
  auto& engine = processes.engine_;
  engine.signals().set_mask(engine.signals().state().mask, false);
  engine.events().result([] { return i64{0}; });
  if (engine.mode() == Mode::record) engine.events().end();
  engine.cpu().regs().gpr[rax] = 0;
  const auto end = engine.run();  // comes back only if a signal ends the child: exit() leaves at once
  if (end.by_signal) processes.child_dies(end.status);
  processes.leaving(true);
  end_as(end);
}

i64 Processes::vfork(Syscall& call, u64 flags, GuestAddr stack) {
  auto& cpu = engine_.cpu();
  if (parent_) return -EAGAIN;  // a vfork child that forks in this way again
  child_end_ = -1;
  parent_ = Parent{.registers = cpu.regs(),
                   .vector = {cpu.vector_area(), cpu.vector_area() + cpu.vector_size()},
                   .signals = engine_.signals().state(),
                   .limits = guest_limits()};
  set_child_registers(cpu.regs(), call, flags, stack);
  if (call.replaying()) {
    const i64 result = call.perform([] { return i64{0}; });
    if (result != 0) {
      cpu.regs() = parent_->registers;
      parent_.reset();
    }
    return result;
  }
  void* child_stack = mmap(nullptr, child_stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  FRED_CHECK(child_stack != MAP_FAILED, "no memory for the stack of a vfork child");
  block_all_signals();
  leave_home();
  const u64 real_flags = CLONE_VM | CLONE_VFORK | (flags & (0xff | CLONE_PIDFD | CLONE_PARENT));
  const i64 pid =
      fred_clone_on_stack(real_flags, static_cast<u8*>(child_stack) + child_stack_size, &vfork_child, this, nullptr);
  munmap(child_stack, child_stack_size);
  if (pid < 0) {
    call.perform([&] { return pid; });
    cpu.regs() = parent_->registers;
    engine_.signals().state() = parent_->signals;
    parent_.reset();
    engine_.signals().set_mask(engine_.signals().state().mask, false);
    return pid;
  }
  call.close_event();
  if (!child_left_) return end_killed_vfork(pid);
  if (engine_.events().in_event()) {  // the child's execve: it has succeeded
    engine_.events().result([] { return i64{0}; });
    engine_.events().end();
  }
  return end_vfork(pid, false);
}

i64 Processes::end_vfork(i64 pid, bool killed) {
  auto& cpu = engine_.cpu();
  auto& events = engine_.events();
  engine_.forget_interruption();
  if (killed) {
    cpu.regs() = parent_->registers;  // its own are lost
    child_dies(SIGKILL);
  }
  events.begin(EventKind::vfork_end, killed ? 1 : 0, engine_.now(), cpu.regs());
  const i64 result = events.result([&] { return pid; });
  if (killed) take_memory_of_killed();
  if (events.mode() != Mode::run) events.end();
  cpu.regs() = parent_->registers;
  cpu.set_vector_state(parent_->vector);
  engine_.signals().state() = parent_->signals;
  guest_limits() = parent_->limits;
  parent_.reset();
  child_left_ = false;
  if (result > 0) engine_.conditions().process_event(ProcessCondition::Event::vfork, result, child_end_);
  if (events.mode() != Mode::replay) engine_.signals().set_mask(engine_.signals().state().mask, false);
  cpu.count_tick();
  return result;
}

void Processes::finish_replayed_vfork() {
  const i64 pid = end_vfork(0, false);
  engine_.cpu().regs().gpr[rax] = static_cast<u64>(pid);
}

i64 Processes::leave_vfork(Syscall& call, i32 end, const std::function<void()>& leave) {
  child_end_ = end;
  call.keep_registers();
  call.perform([] { return i64{0}; });
  if (call.replaying()) {
    child_left_ = true;
    return 0;
  }
  if (engine_.mode() == Mode::record) engine_.events().end();
  child_left_ = true;
  for (;;) leave();
}

i64 Processes::exit(Syscall& call, int status) {
  if (parent_) {
    return leave_vfork(call, (status & 0xff) << 8, [status] { raw_syscall(SYS_exit_group, static_cast<u64>(status)); });
  }
  call.keep_registers();
  engine_.end_guest({.by_signal = false, .status = status & 0xff});
  return 0;
}

i64 Processes::kill_itself(Syscall& call) {
  if (parent_)
    return leave_vfork(call, SIGKILL,
                       [] { raw_syscall(SYS_kill, static_cast<u64>(raw_syscall(SYS_getpid)), SIGKILL); });
  engine_.end_guest({.by_signal = true, .status = SIGKILL});
  return 0;
}

i64 Processes::leave_by(const std::string& path, std::vector<std::string>& args, std::vector<std::string>& env) {
  // Not for a step of a search through PATH: what is handed back cannot always be had again.
  const i64 there = raw_syscall(SYS_access, reinterpret_cast<u64>(path.c_str()), F_OK);
  if (there == -ENOENT || there == -ENOTDIR) return there;
  const auto mask = engine_.signals().state().mask;
  leave_home();
  raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<u64>(&mask), 0, 8);
  hand_back_limits();
  if (parent_) execute_engine(engine_, path, args, env);
  auto argv = pointers_to(args), envp = pointers_to(env);
  leaving(true);
  auto& turn = engine_.tree().turn();
  const TurnAway away(turn, turn.held());  // nobody gets it back from a program that is not recorded
  const i64 failed = raw_syscall(SYS_execve, reinterpret_cast<u64>(path.c_str()), reinterpret_cast<u64>(argv.data()),
                                 reinterpret_cast<u64>(envp.data()));
  leaving(false);
  take_over_limits();
  engine_.signals().set_mask(mask, false);
  return failed;
}

i64 Processes::execute(Syscall& call, const std::string& path, std::vector<std::string> args,
                       std::vector<std::string> env) {
  if (parent_ || unrecorded_child_) {
    const i64 result = call.perform([&] { return leave_by(path, args, env); });
    if (result == 0) {  // only when replaying
      call.keep_registers();
      child_left_ = true;
    }
    return result;
  }
  OpenPlan open;
  const i64 result = call.perform([&]() -> i64 {
    auto program = open_program(path, args);
    if (!program) {
      return is_child() ? leave_by(path, args, env) : -(program.error().code != 0 ? program.error().code : ENOEXEC);
    }
    if (auto sizes = check_string_sizes(program->args, env, program->execfn, GuestMemory::wanted_stack_room());
        !sizes) {
      return -E2BIG;
    }
    auto plan = make_load_plan(engine_, std::move(*program));
    if (!plan) {
      return is_child() ? leave_by(path, args, env) : -(plan.error().code != 0 ? plan.error().code : ENOEXEC);
    }
    open = std::move(*plan);
    return 0;
  });
  if (result != 0) return result;
  call.keep_registers();
  engine_.threads().end_others();
  if (engine_.mode() != Mode::replay) close_on_exec(engine_, open);
  engine_.signals().reset_for_exec(call.replaying());
  if (auto loaded = engine_.load(std::move(open), std::move(env)); !loaded) {
    LOG_INFO(dispatch, "execve of {}: {}", path, loaded.error().message);
    engine_.end_guest({.by_signal = true, .status = SIGKILL});  // past the point of no return, as natively
    return 0;
  }
  engine_.cpu().count_tick();
  engine_.conditions().process_event(ProcessCondition::Event::exec, 0);
  return 0;
}

}  // namespace fred
