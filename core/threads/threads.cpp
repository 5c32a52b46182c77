#include "core/threads/threads.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/arch/x86/segment_base.h"
#include "core/base/check.h"
#include "core/base/log.h"
#include "core/base/raw_syscall.h"
#include "core/dispatch/conditions.h"
#include "core/dispatch/guest_engine.h"
#include "core/dispatch/processes.h"
#include "core/memory/guest_access.h"
#include "core/syscalls/table.h"

namespace fred {

namespace {
Threads* g_threads = nullptr;

/// What a thread in this system call waits for.
std::string waiting_text(u32 number, u64 first_argument) {
  const auto* row = find_row(number);
  if (row == nullptr || row->name == nullptr) return fmt::format("in system call {}", number);
  if (number == SYS_futex) return fmt::format("in futex at {:#x}", first_argument);
  if ((row->fds & 1) != 0) return fmt::format("in {} of descriptor {}", row->name, static_cast<i32>(first_argument));
  return fmt::format("in {}", row->name);
}
constexpr u64 number_of_futex_wait = 455;  // newer than the headers

i32 turn_holder() { return g_turn.holder.load(); }
}  // namespace

Threads::Threads(GuestEngine& engine) : engine_(engine), scheduler_(engine.options().chaos) {
  g_threads = this;
  g_turn.successor = &successor_of;
  g_turn.home.begin(engine.options().one_processor);
  g_turn.looks = engine.options().looks && g_turn.home.has_several();  // on one whoever is looked for does not run
  g_turn.shared = &engine.tree().turn();
  auto first = std::make_unique<GuestThread>();
  first->number = ++last_number_;
  first->vector_area = engine.cpu().vector_area();
  running_ = first.get();
  threads_.push_back(std::move(first));
}

Threads::~Threads() = default;

const GuestThread* Threads::find(ThreadId id) const {
  if (id == 0 || alone()) return running_;
  const auto found = std::find_if(threads_.begin(), threads_.end(), [&](const auto& t) { return t->tid == id; });
  return found != threads_.end() ? found->get() : nullptr;
}

std::vector<ThreadFact> Threads::facts() const {
  std::vector<ThreadFact> facts;
  for (const auto& t : threads_) {
    auto& fact = facts.emplace_back();
    fact.runs = t.get() == running_;
    fact.id = fact.runs ? engine_.process().thread : t->tid;
    fact.name = fact.runs ? engine_.process().comm : t->comm;
    const auto& g = (fact.runs ? engine_.cpu().regs() : t->registers).gpr;
    if (t->waiting) fact.state = waiting_text(static_cast<u32>(g[rax]), g[rdi]);
  }
  return facts;
}

bool Threads::just_arrived() const { return arrival_ == engine_.now(); }

u64 Threads::mask_here() const {
  const auto* here = g_turn.here;
  if (here != nullptr && here->exited) return ~u64{0};  // nothing is to come to a thread that has ended
  return here == nullptr || here == running_ ? engine_.signals().state().mask : here->signals.mask;
}

// The control flow. -------------------------------------------------------------------------------------------

void Threads::call(std::function<void()> function) {
  if (alone() || engine_.processes().in_vfork_child()) return function();
  auto& t = *running_;
  t.function = std::move(function);
  t.order = Order::run;
  t.calling = true;
  resume(t);
}

/// The thread's own stack has the control flow wait until it is done, or waits without the turn itself.
void Threads::resume(GuestThread& t) {
  g_turn.control_waits_for = &t;
  fred_suspend(&g_turn.control_sp, &resume_own, &t);
  g_turn.control_waits_for = nullptr;
  if (t.calling) went_to_wait(t);
}

void Threads::went_to_wait(GuestThread& t) {
  t.waiting = true;
  t.event_closed = true;
  engine_.events().close_waiting();
  if (g_turn.live) set_running_slot(*g_turn.here->slot);
}

bool Threads::switch_due(bool behind_call) {
  const u64 left = std::exchange(further_, 0), ticks = engine_.cpu().ticks();
  if (g_turn.live && g_turn.here != nullptr && g_turn.here->bound_to != 0 && (alone() || g_turn.home.is_old())) {
    leave_home();
  }
  if (!takes_turns()) return false;
  if (scheduler_.holds_back(*running_)) return engine_.stand().committed_call != engine_.now();
  if (left > 1 && ticks == further_in_ && !behind_call) {
    further_ = left - 1;
    return false;
  }
  const bool over = yielded_ || left != 0 || ticks >= slice_end_;
  if (!over && !(behind_call && scheduler_.preempts_behind_call())) return false;
  if (engine_.stand().committed_call == engine_.now()) return false;
  collect_finished();
  if (over && left == 0 && !yielded_ && !behind_call && scheduler_.has_other()) {
    further_ = scheduler_.further_instructions();
    further_in_ = ticks;
    if (further_ != 0) return false;
  }
  yielded_ = false;
  begin_slice();
  if (!scheduler_.has_other()) return false;
  scheduler_.make_ready(*running_, Scheduler::Why::preempted);
  return true;
}

bool Threads::takes_turns() const { return g_turn.live && !alone() && !engine_.processes().in_vfork_child(); }

u64 Threads::next_look() const {
  if (!takes_turns()) return 0;
  return yielded_ ? engine_.cpu().ticks() + 1 : slice_end_;
}

void Threads::spins() {
  if (!takes_turns()) return;
  collect_finished();
  if (!scheduler_.has_other()) return;
  yielded_ = true;
  ++gave_way_;
}

u64 Threads::look_every() const { return running_->pace.look_every(scheduler_.has_other()); }

bool Threads::look_for_spinning() {
  auto& cpu = engine_.cpu();
  const auto found = running_->pace.look(cpu.regs());
  if (found == Pace::Found::works) return false;
  if (found == Pace::Found::perhaps_waits && cpu.ticks() - slice_begin_ < Pace::doubtful_slice) return false;
  spins();
  return yielded_;
}

void Threads::begin_slice() {
  slice_begin_ = engine_.cpu().ticks();
  slice_end_ = slice_begin_ + scheduler_.slice();
}

bool Threads::next() {
  if (!g_turn.live) {
    while (switch_recorded()) {
      const u32 number = engine_.events().peek()->detail;
      const auto found = std::find_if(threads_.begin(), threads_.end(), [&](auto& t) { return t->number == number; });
      if (found == threads_.end()) engine_.events().diverged("recorded: a thread that does not exist", engine_.now());
      // Killed before its call could go on: history ends here.
      if ((*found)->waiting && !engine_.events().has_second()) return false;
      switch_to(**found);
      if (!stuck()) return true;
    }
    return false;
  }
  if (!stuck()) {
    if (scheduler_.holds_back(*running_)) {  // nobody has chosen another one yet
      if (!wait_for_alone()) return false;
      scheduler_.make_ready(*running_, Scheduler::Why::preempted);
    }
  }
  for (;;) {
    collect_finished();
    if (!scheduler_.has_ready() && !idle()) return false;
    switch_to(scheduler_.take());
    if (!stuck()) return true;
  }
}

bool Threads::switch_recorded() {
  const auto* next = engine_.events().peek();
  return next != nullptr && next->kind == EventKind::thread_switch && next->time() == engine_.now();
}

/// Live: nobody can run. The turn is free until a call has ended, or the session wants something.
bool Threads::idle() {
  look_for_deadlock();
  if (control_requested()) return false;
  auto& t = *g_turn.here;
  t.order = t.exited ? Order::exit : Order::again;
  t.successor = nullptr;
  fred_suspend(&g_turn.control_sp, &resume_own, &t);
  set_running_slot(*g_turn.here->slot);
  collect_finished();
  return scheduler_.has_ready();
}

bool Threads::run_alone(ThreadId id, bool unless_waits) {
  const auto* thread = id != 0 ? find(id) : nullptr;
  if (id != 0 && thread == nullptr) return false;
  scheduler_.run_alone(thread, unless_waits);
  return true;
}

/// Live: the running thread could go on, but must not, and the one that may is waiting. The turn stays here: its call
/// ends without it (finish() in turn.cpp). False: the session wants something.
bool Threads::wait_for_alone() {
  constexpr timespec look_again{.tv_sec = 0, .tv_nsec = 2'000'000};
  for (collect_finished(); !scheduler_.has_ready(); collect_finished()) {
    if (control_requested()) return false;
    raw_syscall(SYS_nanosleep, reinterpret_cast<u64>(&look_again), 0);  // an interrupt ends it
  }
  return true;
}

void Threads::switch_to(GuestThread& to) {
  auto& events = engine_.events();
  events.begin(EventKind::thread_switch, to.number, engine_.now(), engine_.cpu().regs());
  if (events.mode() != Mode::run) events.end();
  LOG_DEBUG(dispatch, "thread {} runs from {} on", to.tid, engine_.cpu().ticks());
  auto& from = *running_;
  engine_.conditions().leave_thread();
  if (&from != &to) save(from);
  if (g_turn.live && g_turn.here != &to) {
    auto& here = *g_turn.here;
    // Its own call may not be done: the session, or the end of another call, has only called it for the control flow.
    const bool in_call = here.waiting && here.call_result == no_result;
    here.order = here.exited ? Order::exit : in_call ? Order::again : Order::pass;
    here.successor = &to;
    fred_suspend(&g_turn.control_sp, &resume_own, &here);
  }
  if (&from != &to) load(to);
  engine_.conditions().enter_thread();
  if (from.exited) bury(from);
  engine_.cpu().count_tick();
  further_ = 0;
  begin_slice();
  if (!to.waiting) {
    if (to.has_run) arrival_ = engine_.now();
    return;
  }
  const Watches::Change change(engine_.conditions().watches(), engine_.now());
  to.waiting = false;
  to.order = Order::go_on;
  resume(to);
}

void Threads::save(GuestThread& t) {
  t.has_run = true;
  const u64 gs_base = t.waiting ? t.registers.gs_base : fred_read_gs_base();  // of a waiting one it was read before
  t.registers = engine_.cpu().regs();
  t.registers.gs_base = gs_base;
  t.rep_start = engine_.cpu().state().rep_start;
  t.signals = engine_.signals().state();
  t.stand = std::exchange(engine_.stand(), {});
  t.stand.after_call = false;  // live has looked around there
  t.comm = engine_.process().comm;
  t.robust_list = engine_.process().robust_list;
}

void Threads::load(GuestThread& t) {
  running_ = &t;
  auto& cpu = engine_.cpu();
  cpu.take_registers(t.registers);
  cpu.state().rep_start = t.rep_start;
  cpu.use_vector_area(t.vector_area);
  static_cast<ThreadSignals&>(engine_.signals().state()) = t.signals;
  engine_.stand() = std::exchange(t.stand, {});
  engine_.process().comm = t.comm;
  engine_.process().robust_list = t.robust_list;
  engine_.process().thread = t.tid;
  if (g_turn.live) set_running_slot(*t.slot);
}

void Threads::collect_finished() {
  for (auto* t = take_finished(); t != nullptr;) {
    auto* next = t->next_finished;  // made ready, it may go away
    if (t->waiting)
      scheduler_.make_ready(*t, Scheduler::Why::woken);  // else it is the first one, and has executed a program since
    t = next;
  }
}

GuestThread* Threads::successor_of(GuestThread*) {
  g_threads->collect_finished();
  return g_threads->scheduler_.has_ready() ? &g_threads->scheduler_.front() : nullptr;
}

// Functions of system calls. ----------------------------------------------------------------------------------

bool Threads::can_wait() const {
  return g_turn.live && running_->calling && !alone() && !engine_.processes().in_vfork_child();
}

i64 Threads::wait(u64 number, const u64 (&args)[6], const TimeLimit& limit) {
  auto& t = *running_;
  t.call_number = number;
  std::copy(std::begin(args), std::end(args), std::begin(t.call_args));
  t.call_result = no_result;
  t.successor = nullptr;
  t.call_limit = limit;
  t.call_begun = false;
  t.registers.gs_base = fred_read_gs_base();
  t.event_closed = false;
  suspend_call(t);
  if (t.event_closed) go_on_in_event();
  return t.call_result;
}

void Threads::wait_as_recorded() {
  auto& t = *running_;
  FRED_CHECK(t.calling, "a recorded call waits outside of its thread's stack");
  t.registers.gs_base = fred_read_gs_base();
  suspend_call(t);
  go_on_in_event();
}

void Threads::go_on_in_event() {
  engine_.events().begin(EventKind::call_end, static_cast<u32>(engine_.cpu().regs().gpr[rax]), engine_.now(),
                         engine_.cpu().regs());
}

void Threads::prepare_first() {
  auto& t = *running_;
  if (t.stack != nullptr) return;
  FRED_CHECK(prepare_stack(t) != 0, "no memory for the stack of a thread");
  t.tid = engine_.process().thread;
  if (!g_turn.live) return;
  t.slot = &running_slot();
  t.kernel_thread_alive = 1;
  raw_syscall(SYS_set_tid_address, reinterpret_cast<u64>(&t.kernel_thread_alive));
  g_turn.holder = t.tid;
  g_turn.here = &t;
  set_turn_holder(&turn_holder);
}

i64 Threads::create(Syscall& call, const NewThread& wanted) {
  prepare_first();
  free_dead();
  auto& cpu = engine_.cpu();
  auto made = std::make_unique<GuestThread>();
  auto& t = *made;
  t.number = last_number_ + 1;
  t.registers = cpu.registers();
  t.registers.gpr[rax] = 0;
  if (wanted.stack.value != 0) t.registers.gpr[rsp] = wanted.stack.value;
  if ((wanted.flags & CLONE_SETTLS) != 0) t.registers.fs_base = wanted.tls;
  if ((wanted.flags & CLONE_CHILD_CLEARTID) != 0) t.clear_tid = wanted.child_tid;
  t.signals.mask = engine_.signals().state().mask;
  t.comm = engine_.process().comm;
  t.vector_area = cpu.make_vector_area();
  const bool has_memory = t.vector_area != nullptr && prepare_stack(t) != 0;
  const i64 result = call.perform([&]() -> i64 {
    t.slot = has_memory ? make_signal_stack() : nullptr;
    t.bound_to = g_turn.here->bound_to;
    return t.slot == nullptr ? -EAGAIN : start_kernel_thread(t);
  });
  if (is_error(result)) {
    free_thread(t);
    return result;
  }
  FRED_CHECK(has_memory, "no memory for a thread of the recording");
  ++last_number_;
  t.tid = static_cast<i32>(result);
  if ((wanted.flags & CLONE_PARENT_SETTID) != 0) call.put(wanted.parent_tid, t.tid);
  if ((wanted.flags & CLONE_CHILD_SETTID) != 0) call.put(wanted.child_tid, t.tid);
  if (g_turn.live) scheduler_.make_ready(t, Scheduler::Why::created);
  if (alone()) begin_slice();
  threads_.push_back(std::move(made));
  return result;
}

i64 Threads::exit(Syscall& call) {
  auto& t = *running_;
  // From here on the kernel gives signals of the process to others. One that has come already is delivered first: it
  // may be for the process, and nobody else would get it.
  const i64 again = call.perform([&]() -> i64 {
    block_all_signals();
    return signal_is_pending() ? restart_call : 0;
  });
  if (again != 0) return again;
  call.keep_registers();
  end_locks(call);
  forget_robust_list();
  if (t.clear_tid.value != 0) {
    call.put(t.clear_tid, u32{0});
    if (g_turn.live) wake_anywhere(t.clear_tid);
  }
  t.exited = true;
  if (scheduler_.alone() == &t) scheduler_.run_alone(nullptr, false);
  return 0;
}

/// Locks that the running thread holds as it ends go to those that wait for them.
void Threads::end_locks(Syscall& call) {
  const u32 own = static_cast<u32>(running_->tid);
  std::vector<u64> handed_over;
  if (g_turn.live) {
    handed_over = futexes_.awaited_locks();
    std::erase_if(handed_over, [&](u64 lock) {
      u32 word;
      return !guest_read(&word, GuestAddr{lock}, sizeof word) || (word & FUTEX_TID_MASK) != own;
    });
  }
  end_robust_list();
  u64 count = handed_over.size();
  call.value(&count, sizeof count);
  for (u64 i = 0; i < count; ++i) {
    struct {
      u64 lock;
      u64 word;
    } changed{};
    if (g_turn.live) {
      const u32 next = hand_over_lock(handed_over[i]);
      changed = {handed_over[i], next != 0 ? FUTEX_OWNER_DIED | FUTEX_WAITERS | next : FUTEX_OWNER_DIED};
    }
    call.value(&changed, sizeof changed);
    call.put(GuestAddr{changed.lock}, static_cast<u32>(changed.word));
  }
}

/// It has been dealt with: the kernel, which has it for when the process is killed, is not to look again.
bool Threads::is_shared_word(GuestAddr at) const {
  const auto* mapping = engine_.memory().table().find(at);
  return mapping == nullptr || ((mapping->flags & MAP_SHARED) != 0 && (mapping->traits & trait_private_yet) == 0);
}

u64 Threads::kernel_address(GuestAddr at) const { return engine_.memory().foreign().for_kernel(at); }

i64 Threads::wait_on_futex(Syscall& call, const FutexPlace& place, const FutexLimit& limit) {
  auto& t = *running_;
  KernelTimespec time;
  if (limit.at.value != 0) {
    if (!call.get(time, limit.at)) return -EFAULT;
    if (!time.valid()) return -EINVAL;
  }
  const u64 command = (limit.absolute ? FUTEX_WAIT_BITSET : FUTEX_WAIT) | FUTEX_PRIVATE_FLAG |
                      (limit.realtime ? FUTEX_CLOCK_REALTIME : 0);
  futexes_.add(t, place);
  t.futex_endless = limit.at.value == 0;
  if (g_turn.live) look_for_deadlock();
  const u64 args[6] = {
      reinterpret_cast<u64>(&t.baton), command, 0, limit.at.value != 0 ? reinterpret_cast<u64>(&time) : 0, 0,
      FUTEX_BITSET_MATCH_ANY};
  const i64 result = wait(SYS_futex, args, TimeLimit(SYS_futex, args));
  const auto ended = t.futex_wait.load();
  futexes_.remove(t);
  return ended == FutexWait::woken ? 0 : ended == FutexWait::again ? restart_call : result;
}

i64 Threads::wake_futex(u64 address, u32 most, u32 bits) {
  std::vector<GuestThread*> woken;
  futexes_.wake(address, most, bits, woken);
  for (auto* t : woken) scheduler_.make_ready(*t, Scheduler::Why::woken);
  return static_cast<i64>(woken.size());
}

void Threads::wake_anywhere(GuestAddr at) {
  if (wake_futex(at.value, 1, ~0u) == 0 && is_shared_word(at))
    raw_syscall(SYS_futex, kernel_address(at), FUTEX_WAKE, 1);
}

bool Threads::futex_waits_in_kernel() const {
  return std::any_of(threads_.begin(), threads_.end(), [](const auto& t) {
    return t->waiting && (t->call_number == SYS_futex_waitv || t->call_number == number_of_futex_wait);
  });
}

u32 Threads::hand_over_lock(u64 lock) {
  auto* owner = futexes_.take_owner(lock);
  if (owner == nullptr) return 0;
  scheduler_.make_ready(*owner, Scheduler::Why::woken);
  return static_cast<u32>(owner->tid);
}

i64 Threads::move_on_to_lock(Syscall& call, u64 from, GuestAddr lock, u64 most) {
  i64 count = 0;
  u32 word;
  while (static_cast<u64>(count) < most) {
    auto* t = futexes_.first_to_move(from);
    if (t == nullptr) break;
    if (t->futex.then_lock != lock.value) return count != 0 ? count : -EINVAL;
    if (!call.get(word, lock)) return -EFAULT;
    const bool free = (word & FUTEX_TID_MASK) == 0;
    if (free && !futexes_.take(*t)) continue;  // its time is over
    if (free) {
      scheduler_.make_ready(*t, Scheduler::Why::woken);
    } else {
      futexes_.move_on(*t);
    }
    word = free ? (word & FUTEX_OWNER_DIED) | static_cast<u32>(t->tid) : word | FUTEX_WAITERS;
    if (!call.put(lock, word)) return -EFAULT;
    ++count;
  }
  return count;
}

void Threads::words_became_shared() {
  std::vector<GuestThread*> woken;
  futexes_.send_back([&](const FutexPlace& p) { return !p.private_ && is_shared_word(GuestAddr{p.address}); }, woken);
  for (auto* t : woken) scheduler_.make_ready(*t, Scheduler::Why::woken);
}

i64 Threads::requeue_futex(u64 from, u64 to, u32 wake, u32 move) {
  const i64 woken = wake_futex(from, wake, ~0u);
  return woken + futexes_.move(from, to, move);
}

void Threads::free_processors(bool for_good) {
  if (!g_turn.live) return;
  for (auto& t : threads_) g_turn.home.free(*t, t->tid);
  g_turn.home.leave();
  if (for_good) g_turn.home.give_up();
}

// Beginnings and ends. ----------------------------------------------------------------------------------------

void Threads::forked_child(GuestAddr clear_tid, i32 tid) {
  auto& own = *running_;
  own.clear_tid = clear_tid;
  engine_.process().robust_list = {};  // as in the kernel
  own.tid = tid;
  engine_.process().thread = tid;
  scheduler_.forget_all();
  std::erase_if(threads_, [&](const auto& t) {
    if (t.get() == &own) return false;
    futexes_.remove(*t);
    free_thread(*t);
    return true;
  });
  for (auto& t : dead_) free_thread(*t);
  dead_.clear();
  g_turn.finished = nullptr;
  g_turn.holder = own.tid;
  g_turn.here = &own;
}

void Threads::end_others() {
  end_robust_list();
  forget_robust_list();
  if (alone() && running_->number == 1) return;
  scheduler_.forget_all();
  std::erase_if(threads_, [&](auto& t) {
    if (t.get() == running_) return false;
    futexes_.remove(*t);
    const bool first = t->number == 1;
    if (g_turn.live) retire_kernel_thread(*t, first ? Retire::park : Retire::exit);
    if (!first) dead_.push_back(std::move(t));
    return !first;
  });
  g_turn.finished = nullptr;
  executed_ = true;
}

void Threads::become_first() {
  if (!std::exchange(executed_, false)) return;
  auto& from = *running_;
  auto& first = *threads_.front();
  if (&first == &from) return;  // it is the first, or that one had ended before
  std::swap(first.vector_area, from.vector_area);
  if (g_turn.live) {
    from.order = Order::exit;
    from.successor = &first;
    fred_suspend(&g_turn.control_sp, &resume_own, &from);
    set_running_slot(*first.slot);
    fred_write_gs_base(0);  // as the program that was loaded has it
    engine_.signals().set_mask(engine_.signals().state().mask, false);
  }
  first.retire = Retire::no;
  first.calling = first.waiting = false;
  first.order = Order::pass;
  free_stack(first);
  FRED_CHECK(prepare_stack(first) != 0, "no memory for the stack of a thread");
  first.clear_tid = {};
  engine_.process().thread = first.tid;
  running_ = &first;
  g_turn.finished = nullptr;
  bury(from);
}

void Threads::become_worker() {
  g_turn.live = false;
  // The stack for signals is that of the thread which ran when the snapshot was taken: it goes with that thread.
  auto* own = make_signal_stack();
  FRED_CHECK(own != nullptr, "no memory for a worker's signal stack");
  use_signal_stack(own);
  set_running_slot(*own);
}

void Threads::bury(GuestThread& t) {
  const auto found = std::find_if(threads_.begin(), threads_.end(), [&](const auto& p) { return p.get() == &t; });
  dead_.push_back(std::move(*found));
  threads_.erase(found);
  free_dead();
}

void Threads::free_dead() {
  std::erase_if(dead_, [&](const auto& t) {
    if (g_turn.live && t->kernel_thread_alive.load() != 0) return false;
    free_thread(*t);
    return true;
  });
}

void Threads::free_thread(GuestThread& t) {
  if (t.stack != nullptr) free_stack(t);
  if (t.vector_area != nullptr) Cpu::free_vector_area(t.vector_area);
  if (t.slot != nullptr) free_signal_stack(t.slot);
}

}  // namespace fred
