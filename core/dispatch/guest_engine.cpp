#include "core/dispatch/guest_engine.h"

#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "core/arch/x86/rflags.h"
#include "core/base/check.h"
#include "core/base/descriptor.h"
#include "core/base/log.h"
#include "core/base/raw_syscall.h"
#include "core/dispatch/conditions.h"
#include "core/dispatch/effects.h"
#include "core/dispatch/foreign_access.h"
#include "core/dispatch/light.h"
#include "core/dispatch/lockstep.h"
#include "core/dispatch/processes.h"
#include "core/memory/guest_access.h"
#include "core/memory/layout.h"
#include "core/signals/kernel_signals.h"
#include "core/syscalls/kernel_reads.h"
#include "core/syscalls/walker.h"
#include "core/threads/threads.h"

namespace fred {

namespace {
constexpr u64 ticks_beyond = u64{1} << 20;  // the next event, before a worker is known to have left the recorded path
constexpr u64 ticks_between_looks = u64{1} << 20;  // some ms of a program that makes no system call
/// Programs execute some `pause` before they look whether they should sleep; leaving the code cache costs as much as 3.
constexpr u64 pauses_before_others = 16;
GuestEngine* g_engine = nullptr;

/// Does a string instruction that has just done an iteration end although rcx is not 0?
bool ends_repetition(const Instruction& i, u64 flags) {
  constexpr u64 zero_flag = 0x40;
  if ((i.raw.attributes & ZYDIS_ATTRIB_HAS_REPE) != 0) return (flags & zero_flag) == 0;
  if ((i.raw.attributes & ZYDIS_ATTRIB_HAS_REPNE) != 0) return (flags & zero_flag) != 0;
  return false;
}

/// Is there an event in the log for each time this is carried out?
bool is_recorded(Effect effect) {
  switch (effect) {
    case Effect::syscall:
    case Effect::rdtsc:
    case Effect::rdtscp:
    case Effect::rdpid:
    case Effect::random:
    case Effect::cpuid:
    case Effect::xgetbv:
      return true;
    default:
      return false;
  }
}
}  // namespace

GuestEngine::GuestEngine(const EngineOptions& options) : options_(options), guest_cpu_(options.cpu) {
  g_engine = this;
  memory_ = std::make_unique<GuestMemory>(*this);
  pages_ = std::make_unique<CodePages>(*memory_, cache_);
  if (options_.lockstep) Lockstep::adapt(options_.translate);
  cpu_ = std::make_unique<Cpu>(*this, *pages_, options_.translate);
  cache_ = &cpu_->cache();
  signals_ = std::make_unique<GuestSignals>(*cpu_, guest_cpu_);
  install_light_handler(*cpu_, events_);
  conditions_ = std::make_unique<Conditions>(*this);
  foreign_ = std::make_unique<ForeignAccess>(*this);
  processes_ = std::make_unique<Processes>(*this);
  threads_ = std::make_unique<Threads>(*this);
  tree_.turn().on_release([this] { release_shared(); });
  tree_.turn().on_take([this] { memory_->shared_pages().absorb(tree_.turn_deaths()); });
  set_write_fault_handler([](GuestAddr at) { return g_engine->memory_->shared_pages().write_fault(at); });
  events_.on_waiting([this] { threads_->wait_as_recorded(); });
  if (options_.lockstep) lockstep_ = std::make_unique<Lockstep>(*this, *cpu_, *pages_);
  set_store_hooks({.before = [](GuestRange range) { g_engine->open_pages(range); },
                   .behind = [](GuestRange range) { g_engine->foreign_->hand_on(range); }});
}

GuestEngine::~GuestEngine() = default;

bool GuestEngine::owns_descriptor(i64 fd) const { return is_engine_descriptor(fd); }

void GuestEngine::notice_once(u64 key, const std::string& line) {
  if (is_worker() || std::find(noticed_.begin(), noticed_.end(), key) != noticed_.end()) return;
  noticed_.push_back(key);
  const auto text = fmt::format("fred: {}\n", line);
  raw_syscall(SYS_write, static_cast<u64>(error_descriptor()), reinterpret_cast<u64>(text.data()), text.size());
}

void GuestEngine::code_gone(GuestRange range) { pages_->forget(range); }
void GuestEngine::foreign_memory_changed() { cpu_->leave_before(memory_->foreign().all()); }
void GuestEngine::code_mapped(GuestRange range) { cache_->prepare(range); }
void GuestEngine::open_pages(GuestRange range) {
  pages_->open(range);
  memory_->shared_pages().open(range);
}

Time GuestEngine::now() const {
  return {
      .ticks = cpu_->ticks(), .pc = cpu_->pc(), .rest = stand_.rest, .phase = static_cast<u8>(stand_.raised ? 1 : 0)};
}

u64 GuestEngine::repeated_iterations() const {
  const auto at = cpu_->pc();
  u8 code[15];
  const u64 size = guest_readable(at, sizeof code);
  if (!guest_read(code, at, size)) return 0;
  const auto instruction = decode(at, {code, size});
  if (!instruction || !instruction->repeated) return 0;
  const u64 done = cpu_->state().rep_start - cpu_->regs().gpr[rcx];
  return instruction->raw.address_width == 32 ? done & 0xffffffff : done;
}

void end_as(const GuestEnd& end) {
  if (end.by_signal) die_by_signal(end.status);
  _exit(end.status);
}

GuestEnd GuestEngine::run() {
  run_events(0);
  return end_;
}

bool GuestEngine::run_events(u64 until) {
  if (mode() == Mode::replay) events_.light_reader().pause_at(until != 0 ? until : ~u64{0});
  while (!ended_) {
    if (mode() == Mode::replay && !stand_.raised) {
      if (until != 0 && events_.events() >= until) return true;
      if (log_exhausted_ || events_.peek() == nullptr) return false;  // the recording was broken off here
    }
    if (on_request_ && control_requested() && is_safe_point()) on_request_();
    advance({});
  }
  return true;
}

void GuestEngine::forget_interruption() {
  ended_ = stand_.alone = stand_.after_call = false;
  stand_.rest = 0;
  stand_.raised.reset();
}

void GuestEngine::unblock_signals() { set_real_mask(threads_->mask_here()); }

const EventHeader* GuestEngine::next_here(EventKind kind) {
  const auto* next = events_.peek();
  return next != nullptr && next->kind == kind && next->time() == now() ? next : nullptr;
}

bool GuestEngine::is_findable() const { return cpu_->stopped() || stand_.after_call; }

bool GuestEngine::may_look() const {
  // Somebody has just opened a file of the guest's memory: the next tick may lie behind a load of what he wrote.
  return is_findable() || begins_or_turned_ || (file_notice_waits() && !stand_.raised && !stand_.waiting);
}

bool GuestEngine::is_safe_point() const { return !processes_->in_vfork_child() && !processes_->unrecorded_child(); }

void GuestEngine::advance(const Advance& how) {
  log_exhausted_ = false;
  if (mode() == Mode::replay) {
    if (const auto* next = events_.peek(); next != nullptr && next->ticks + ticks_beyond <= cpu_->ticks()) {
      events_.diverged(fmt::format("recorded: {} {} at {}:{:#x}; now: nothing of it", to_string(next->kind),
                                   next->detail, next->ticks, next->pc),
                       now());
    }
  }
  conditions_->set_suspended(!is_safe_point());
  if (const auto* next = next_edit(); next != nullptr && next->time() == now()) {
    replay_edit();
    return;
  }
  if (processes_->replay_killed_vfork()) return;
  if (mode() == Mode::replay ? replay_turn() || foreign_->look_again()
                             : !hold_shared_turn() || (may_look() && foreign_->look()))
    return;
  begins_or_turned_ = false;
  if (threads_->stuck()) return switch_thread();
  if (stand_.raised) {
    const GuestFault fault = *stand_.raised;
    const Time at = now();
    stand_.rest = 0;
    stand_.raised.reset();
    deliver(fault.signal, &fault, at);
    if (ended_) stand_.raised = fault;  // the guest stays where it was raised
    return;
  }
  // A stop at a tick, or the boundary behind a system call: a waiting signal may be delivered. A worker
  // finds the Time at which that was done.
  checksum();
  const bool deliverable = is_findable() || stand_.waiting;
  const bool behind_call = std::exchange(stand_.after_call, false);
  if (cpu_->stopped()) cpu_->no_stop();
  if ((deliverable || mode() == Mode::replay) && deliver_waiting()) return;
  signals_->end_temporary_mask(mode() == Mode::replay);  // the user has dropped the signal
  if (threads_->switch_due(behind_call) || (mode() == Mode::replay && threads_->switch_recorded())) {
    return switch_thread();
  }
  stand_.last_call.reset();
  plan_stop(how.stop_ticks);
  const bool alone = std::exchange(stand_.alone, false);
  if ((cpu_->regs().rflags & trap_flag) != 0) {
    single_step_trap();
  } else if (approach_event()) {
    return;
  } else if (how.one || alone || threads_->by_instructions() || stand_.rest != 0 || cpu_->has_break(cpu_->pc()) ||
             foreign_->holds_stack()) {
    step_one();
  } else {
    handle(cpu_->run());
  }
}

void GuestEngine::switch_thread() { log_exhausted_ = !threads_->next() && mode() == Mode::replay; }

Exit GuestEngine::step_cpu() { return memory_->foreign().any() ? foreign_->step() : cpu_->step(); }

Exit GuestEngine::step_one() {
  if (memory_->foreign().any()) {
    if (const u64 part = foreign_->part_of_repetition(); part != 0 && advance_repeated(part)) {
      return {.kind = ExitKind::stop};
    }
  }
  auto& watches = conditions_->watches();
  std::optional<Watches::Step> step;
  if (watches.active()) step = watches.before_step();
  const auto exit = step_cpu();
  const bool executed = exit.kind != ExitKind::fault && exit.kind != ExitKind::bail;
  if (executed) stand_.rest = 0;
  handle(exit);
  if (step) watches.after_step(*step, executed);
  return exit;
}

bool GuestEngine::advance_repeated(u64 iterations) {
  u8 code[15];
  const u64 size = guest_readable(cpu_->pc(), sizeof code);
  if (stand_.raised || !guest_read(code, cpu_->pc(), size)) return false;
  const auto instruction = decode(cpu_->pc(), {code, size});
  if (!instruction || !instruction->repeated) return false;
  auto& regs = cpu_->regs();
  const u64 pc = regs.rip;
  const u64 whole = instruction->raw.address_width == 32 ? regs.gpr[rcx] & 0xffffffff : regs.gpr[rcx];
  if (whole <= iterations) return false;
  if (const auto* edit = next_edit(); edit != nullptr && edit->ticks == cpu_->ticks() && edit->pc == pc) {
    if (edit->rest() > stand_.rest) iterations = std::min(iterations, edit->rest() - stand_.rest);
  }
  const u64 put_aside = whole - iterations;
  std::optional<Watches::Step> step;
  if (conditions_->watches().active()) step = conditions_->watches().before_step();
  regs.gpr[rcx] = iterations;
  const auto exit = step_cpu();
  const u64 left = regs.gpr[rcx];
  regs.gpr[rcx] += put_aside;
  if (exit.kind == ExitKind::fault || exit.kind == ExitKind::bail) {
    cpu_->state().rep_start += put_aside;
    handle(exit);
  } else if (left == 0 && !ends_repetition(*instruction, regs.rflags)) {
    regs.rip = pc;  // every iteration was done, and more are to come
    stand_.rest += iterations;
  } else {
    stand_.rest = 0;
  }
  if (step) conditions_->watches().after_step(*step, false);
  return true;
}

void GuestEngine::handle(const Exit& exit) {
  switch (exit.kind) {
    case ExitKind::effect: {
      if (deliver_waiting()) return;  // before the instruction: it is executed after the handler
      if (edited_ && !executes_when_edited(exit)) {
        log_exhausted_ = true;
        return;
      }
      if (mode() == Mode::replay && is_recorded(exit.effect) && events_.peek() == nullptr) {
        log_exhausted_ = true;
        return;
      }
      if (exit.effect == Effect::syscall) {
        const bool clock = pages_->light_syscall(exit.pc);
        if (!clock && conditions_->wants_system_call(static_cast<u32>(cpu_->regs().gpr[rax]), now())) {
          stand_.committed_call = now();
          return;
        }
        {
          const Watches::Change change(conditions_->watches(), now());
          threads_->call([this] { system_call(); });
        }
        threads_->become_first();
        if (threads_->stuck()) switch_thread();
        return;
      }
      const Watches::Change change(conditions_->watches(), now());
      const auto result = carry_out(*this, exit);
      if (!result.done) {
        GuestFault raised{.signal = {result.signal, {}},
                          .trap_number = result.trap_number,
                          .error_code = result.error_code,
                          .cr2 = result.fault_address.value};
        raised.signal.info.si_signo = result.signal;
        raised.signal.info.si_code = result.code;
        raised.signal.info.si_addr = result.fault_address.ptr();
        raise(raised.signal, raised);
      }
      return;
    }
    case ExitKind::fault:
      fault();
      return;
    case ExitKind::fetch_fault:
      fetch_fault();
      return;
    case ExitKind::bail:
      // A signal is waiting, but this is no point that a worker could find: stop at the next tick.
      // (plan_stop). The session's requests are looked at by run() and RunControl.
      cpu_->state().request = 0;
      return;
    case ExitKind::spins:
      // As with a bail, this is no point that a worker could find: others are next at the next tick.
      if (mode() == Mode::replay) return;
      threads_->spins();
      if (tree_.turn().held() && tree_.turn().others_wait()) shared_slice_end_ = cpu_->ticks() + 1;
      return;
    case ExitKind::watch:
      step_one();
      return;
    case ExitKind::watch_hit:
      conditions_->watches().finish_incomplete();
      return;
    case ExitKind::direct:
    case ExitKind::tick_stop:
      if (!cpu_->stopped() && cpu_->looks() && threads_->look_for_spinning()) cpu_->stop_here();
      return;
    case ExitKind::indirect_miss:
    case ExitKind::stop:
      return;  // advance() and its callers look at stops
  }
}

void GuestEngine::system_call() {
  auto& regs = cpu_->regs();
  const auto& g = regs.gpr;
  const u64 args[6] = {g[rdi], g[rsi], g[rdx], g[r10], g[r8], g[r9]};
  const u64 number = g[rax];
  const u64 pc = regs.rip;
  const Registers before = regs;
  events_.begin(EventKind::syscall, static_cast<u32>(number), now(), regs);
  regs.rip = pc + 2;
  regs.gpr[rcx] = regs.rip;  // as the syscall instruction leaves them
  regs.gpr[r11] = regs.rflags;
  Syscall call(*this, number, args);
  const i64 result = run_syscall(call);
  if (events_.mode() != Mode::run && !call.event_closed()) events_.end();
  if (ended_) {  // it stays just before its end
    regs = before;
    return;
  }
  if (processes_->child_left()) {
    processes_->finish_replayed_vfork();
    return;
  }
  if (result == restart_call) {
    regs.rip = pc;
    cpu_->count_tick();
  } else if (!call.keeps_registers()) {
    regs.gpr[rax] = static_cast<u64>(result);
    if (auto& watches = conditions_->watches(); watches.wants_reads()) {
      for (const auto& range : kernel_reads(number, args, result)) watches.kernel_reads(range);
    }
  }
  stand_.after_call = true;
  stand_.last_call = static_cast<u32>(number);
  if (!pages_->light_syscall(GuestAddr{pc}) && result != restart_call) {
    conditions_->system_call_made(static_cast<u32>(number));
  }
}

std::optional<u32> GuestEngine::system_call_here() {
  u8 code[2];
  if (stand_.raised || stand_.rest != 0 || !guest_read(code, cpu_->pc(), sizeof code) || code[0] != 0x0f ||
      code[1] != 0x05) {
    return std::nullopt;
  }
  if (pages_->light_syscall(cpu_->pc())) return std::nullopt;
  return static_cast<u32>(cpu_->regs().gpr[rax]);
}

const KernelSignal* GuestEngine::signal_here() {
  if (stand_.raised) return &stand_.raised->signal;
  if (stand_.waiting) return &*stand_.waiting;
  if (mode() != Mode::replay) return nullptr;
  const auto* next = next_here(EventKind::signal);
  if (next == nullptr) return nullptr;
  recorded_signal_ = {.number = static_cast<int>(next->detail), .info = {}};
  events_.peek_value(&recorded_signal_.info, sizeof recorded_signal_.info);
  return &recorded_signal_;
}

void GuestEngine::fault() {
  const auto& f = last_fault();
  stand_.rest += repeated_iterations();
  if (f.signal.number == stopped_at_boundary) return;
  const auto address = GuestAddr{reinterpret_cast<u64>(f.signal.info.si_addr)};
  constexpr u64 write_access = 2;
  if (f.signal.number == SIGSEGV && (f.error_code & write_access) != 0 && pages_->write_fault(address)) {
    // A store into code. Its page is open now: the one instruction is executed alone, then translation
    // of what it changed may protect the page again.
    stand_.alone = true;
    return;
  }
  const GuestFault copy = f;
  raise(copy.signal, copy);
}

void GuestEngine::fetch_fault() {
  const auto pc = cpu_->pc();
  if (cpu_->has_break(pc) && std::exchange(stand_.looked_for_break, now()) != now())
    return;  // it comes before the fault
  GuestFault raised{.signal = {}, .trap_number = 14, .error_code = 0x14, .cr2 = 0};
  auto& info = raised.signal.info;
  // Which byte could not be fetched: of pc's page, or of the next one if the instruction reaches there.
  GuestAddr at = pc;
  if (pages_->fetchable(page_floor(pc.value))) {
    Instruction instruction;
    const u64 in_page = page_size - pc.value % page_size;
    const auto decoded = decode(pc, {pc.ptr<const u8>(), std::min<u64>(in_page, 15)}, instruction);
    const u64 next_page = page_floor(pc.value) + page_size;
    if (decoded == Decoded::cut_off && in_page < 15 && !pages_->fetchable(next_page)) {
      at = GuestAddr{next_page};
    } else {
      raised.signal.number = info.si_signo = SIGILL;
      info.si_code = ILL_ILLOPN;
      info.si_addr = pc.ptr();
      raised.trap_number = 6;
      raised.error_code = 0;
      raise(raised.signal, raised);
      return;
    }
  }
  const auto* mapping = memory_->table().find(at);
  const bool canonical = at.value < u64{1} << 47;
  raised.cr2 = at.value;
  info.si_addr = at.ptr();
  if (!canonical) {
    info.si_signo = SIGSEGV;
    info.si_code = SI_KERNEL;
    info.si_addr = nullptr;
    raised.trap_number = 13;
    raised.error_code = raised.cr2 = 0;
  } else if (mapping == nullptr || mapping->owner != Owner::guest) {
    info.si_signo = SIGSEGV;
    info.si_code = SEGV_MAPERR;
  } else if ((mapping->prot & 4) == 0) {
    info.si_signo = SIGSEGV;
    info.si_code = SEGV_ACCERR;
    raised.error_code = 0x15;
  } else {
    info.si_signo = SIGBUS;
    info.si_code = BUS_ADRERR;
  }
  raised.signal.number = info.si_signo;
  raise(raised.signal, raised);
}

void GuestEngine::raise(const KernelSignal& signal, const GuestFault& fault) {
  if (mode() == Mode::replay && events_.peek() == nullptr) {
    log_exhausted_ = true;
    return;
  }
  auto time = now();
  time.phase = 1;
  LOG_INFO(signal, "signal {} raised at {}:{:#x}, address {:#x}", signal.number, time.ticks, time.pc.value, fault.cr2);
  events_.begin(EventKind::fault, static_cast<u32>(signal.number), time, cpu_->regs());
  // What the kernel said of the fault is the same in a worker, but for fields it leaves unset.
  GuestFault known = fault;
  events_.value(&known, sizeof known);
  if (events_.mode() != Mode::run) events_.end();
  stand_.raised = known;  // delivered by the next advance()
}

void GuestEngine::single_step_trap() {
  auto& regs = cpu_->regs();
  regs.rflags &= ~trap_flag;
  const auto exit = step_one();
  if (ended_) return;
  regs.rflags |= trap_flag;
  if (stand_.raised) return;
  if (exit.kind != ExitKind::direct && exit.kind != ExitKind::indirect_miss && exit.kind != ExitKind::effect) return;
  GuestFault raised{.signal = {SIGTRAP, {}}, .trap_number = 1, .error_code = 0, .cr2 = 0};
  raised.signal.info.si_signo = SIGTRAP;
  raised.signal.info.si_code = TRAP_TRACE;
  raised.signal.info.si_addr = cpu_->pc().ptr();
  raise(raised.signal, raised);
}

bool GuestEngine::deliver_waiting() {
  if (mode() == Mode::replay) {
    const auto* next = next_here(EventKind::signal);
    if (next == nullptr) return false;
    if (conditions_->wants_signal(static_cast<int>(next->detail), now())) return true;  // looked at before
    deliver({static_cast<int>(next->detail), {}}, nullptr, now());
    return true;
  }
  auto signal = std::exchange(stand_.waiting, std::nullopt);
  if (signal) {
    deliver(*signal, nullptr, now());
    return true;
  }
  if (stand_.committed_call == now()) return false;
  signal = take_pending_signal();
  if (!signal) {
    signal = signals_->take_held();
    if (!signal) return false;
  }
  const u64 bit = signal_bit(signal->number);
  if ((synchronous_signals & bit) != 0 && (signals_->state().mask & bit) != 0) {
    signals_->hold(*signal);  // the real mask never blocks these: the guest's does, here
    signals_->set_mask(signals_->state().mask, false);
    return false;
  }
  if (conditions_->wants_signal(signal->number, now())) {  // looked at before
    stand_.waiting = signal;
    return true;
  }
  deliver(*signal, nullptr, now());
  return true;
}

void GuestEngine::deliver(const KernelSignal& given, const GuestFault* fault, const Time& at) {
  KernelSignal signal = given;
  // The user has changed si_signo: as in the kernel, a siginfo of another signal is worth nothing.
  if (signal.info.si_signo != signal.number) {
    signal.info = {};
    signal.info.si_signo = signal.number;
    signal.info.si_code = SI_USER;
  }
  const Watches::Change change(conditions_->watches(), at);
  if (fault == nullptr) {
    events_.begin(EventKind::signal, static_cast<u32>(signal.number), now(), cpu_->regs());
    events_.value(&signal.info, sizeof signal.info);
    if (events_.mode() != Mode::run) events_.end();
    LOG_INFO(signal, "signal {} delivered at {}:{:#x}", signal.number, cpu_->ticks(), cpu_->pc().value);
  }
  int dies_of = 0;
  const auto outcome = signals_->deliver(signal, fault, is_worker(), dies_of);
  if (outcome == GuestSignals::Delivery::dies) {
    if (mode() == Mode::replay && processes_->in_vfork_child()) {
      processes_->child_dies(dies_of);
      processes_->finish_replayed_vfork();
      return;
    }
    end_guest({.by_signal = true, .status = dies_of});
    return;
  }
  cpu_->count_tick();
  // Another signal that waits is delivered before the handler's first instruction, as natively: its own runs first.
  stand_.after_call = true;
  stand_.last_call.reset();
}

bool GuestEngine::gives_way() {
  if (mode() == Mode::replay || options_.lockstep || !options_.translate.hints) return false;
  if (options_.chaos) return false;  // it makes its own choices
  return threads_->takes_turns() || tree_.turn().held();
}

void GuestEngine::plan_stop(u64 wanted) {
  const u64 ticks = cpu_->ticks();
  u64 at = wanted > ticks ? wanted : 0;
  const auto sooner = [&](u64 other) {
    if (other > ticks && (at == 0 || other < at)) at = other;
  };
  if (mode() == Mode::replay) {
    const auto* next = events_.peek();
    const bool planned = next != nullptr && (next->kind == EventKind::signal || is_between_instructions(next->kind));
    if (planned) sooner(next->ticks);
    // By then the guest would have caused it itself, or come by.
    if (next != nullptr) sooner(next->ticks + ticks_beyond);
  } else {
    if (signal_is_pending()) sooner(ticks + 1);
    sooner(threads_->next_look());
    if (tree_.turn().held()) sooner(shared_slice_end_);
    if (foreign_->looks()) sooner(ticks + ticks_between_looks);
  }
  const bool may_wait = gives_way();
  cpu_->state().pauses_left = may_wait ? pauses_before_others : 0;
  cpu_->look_every(may_wait && threads_->takes_turns() ? threads_->look_every() : 0);
  if (at != 0) {
    cpu_->stop_at(at);
  } else {
    cpu_->no_stop();
  }
}

void GuestEngine::end_guest(const GuestEnd& end) {
  end_ = end;
  ended_ = true;
}

}  // namespace fred
