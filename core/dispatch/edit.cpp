#include "core/dispatch/edit.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <cstring>

#include "core/base/log.h"
#include "core/dispatch/conditions.h"
#include "core/dispatch/foreign_access.h"
#include "core/dispatch/guest_engine.h"
#include "core/memory/guest_access.h"
#include "core/memory/opened_pages.h"

namespace fred {

namespace {

constexpr u64 address_limit = u64{1} << 47;  // bases beyond it would fault in the engine
constexpr u64 mxcsr_offset = 24, header_offset = 512, header_end = 576;
constexpr u32 mxcsr_bits = 0xffff;  // the others would fault in XRSTOR

Registers registers_in(const Edit& edit) {
  Registers r;
  std::memcpy(&r, edit.bytes.data(), sizeof r);
  return r;
}

}  // namespace

bool GuestEngine::can_apply(const Edit& edit) const {
  switch (edit.kind) {
    case EditKind::memory: {
      const auto range = guest_range(GuestAddr{edit.at}, edit.bytes.size());
      if (range.end < range.begin || range.end.value > address_limit) return false;
      for (GuestAddr at = range.begin; at < range.end;) {
        const auto* mapping = memory_->table().find(at);
        if (mapping == nullptr || mapping->owner != Owner::guest) return false;
        at = mapping->range.end;
      }
      return true;
    }
    case EditKind::registers: {
      if (edit.bytes.size() != sizeof(Registers)) return false;
      const auto r = registers_in(edit);
      return r.fs_base < address_limit && r.gs_base < address_limit && r.rip < address_limit;
    }
    case EditKind::vector:
      return edit.bytes.size() == cpu_->vector_size();
    case EditKind::signal_info:
      return edit.bytes.size() == sizeof(siginfo_t);
    case EditKind::signal:
      return stand_.raised.has_value();
  }
  return false;
}

void GuestEngine::apply(const Edit& edit) {
  switch (edit.kind) {
    case EditKind::memory: {
      const auto range = guest_range(GuestAddr{edit.at}, edit.bytes.size());
      code_gone(range);
      memory_->shared_pages().open(range);
      const OpenedPages pages(*memory_, range);
      if (!guest_write(range.begin, edit.bytes.data(), range.size())) {
        LOG_INFO(dispatch, "edit of {:#x}-{:#x}: not all of it is there", range.begin.value, range.end.value);
      }
      foreign_->hand_on(range);
      break;
    }
    case EditKind::registers: {
      auto r = registers_in(edit);
      r.rflags = (cpu_->regs().rflags & ~user_flags) | (r.rflags & user_flags);
      if (r.rip != cpu_->regs().rip) {
        stand_.raised.reset();
        if (edited_) stand_.waiting.reset();  // of history, which the worker has left
      }
      cpu_->take_registers(r);
      break;
    }
    case EditKind::vector: {
      std::string area = edit.bytes;
      u32 mxcsr;
      std::memcpy(&mxcsr, area.data() + mxcsr_offset, sizeof mxcsr);
      mxcsr &= mxcsr_bits;
      std::memcpy(area.data() + mxcsr_offset, &mxcsr, sizeof mxcsr);
      u64 present;
      std::memcpy(&present, area.data() + header_offset, sizeof present);
      present &= cpu_->vector_mask();
      std::memset(area.data() + header_offset, 0, header_end - header_offset);
      std::memcpy(area.data() + header_offset, &present, sizeof present);
      std::memcpy(cpu_->vector_area(), area.data(), area.size());
      break;
    }
    case EditKind::signal_info: {
      auto* signal = stand_.raised ? &stand_.raised->signal : stand_.waiting ? &*stand_.waiting : nullptr;
      // Without one, a worker meets an asynchronous signal: the event of its delivery says all of it.
      if (signal != nullptr) std::memcpy(&signal->info, edit.bytes.data(), sizeof signal->info);
      break;
    }
    case EditKind::signal:
      stand_.raised.reset();
      break;
  }
  stand_.rest = 0;
  stand_.after_call = false;
  cpu_->count_tick();
}

Result<> GuestEngine::edit(const Edit& edit) {
  if (ended_) return fail("the guest has ended");
  if (!is_safe_point()) return fail("the guest shares its memory with a child here");
  if (!can_apply(edit)) return fail(edit.kind == EditKind::memory ? "there is no such memory" : "no such value");
  if (edit.kind == EditKind::signal_info && signal_here() == nullptr) return fail("no signal is waiting");
  if (mode() == Mode::replay) {
    if (const auto* signal = signal_here(); signal != nullptr && !stand_.raised) stand_.waiting = KernelSignal(*signal);
    leave_history();
  }
  if (mode() == Mode::record) {
    take_shared_turn();
    events_.begin(EventKind::edit, static_cast<u32>(edit.kind), now(), cpu_->regs());
    auto copy = edit;
    events_.value(&copy.at, sizeof copy.at);
    events_.blob(copy.bytes);
    events_.end();
  }
  apply(edit);
  return {};
}

const EventHeader* GuestEngine::next_edit() {
  if (mode() != Mode::replay) return nullptr;
  const auto* next = events_.peek();
  return next != nullptr && next->kind == EventKind::edit ? next : nullptr;
}

void GuestEngine::replay_edit() {
  const auto* next = events_.peek();
  Edit edit{.kind = static_cast<EditKind>(next->detail)};
  const Watches::Change change(conditions_->watches(), now());
  events_.begin(EventKind::edit, next->detail, now(), cpu_->regs());
  events_.value(&edit.at, sizeof edit.at);
  events_.blob(edit.bytes);
  events_.end();
  if (!can_apply(edit)) events_.diverged("recorded: an edit; now it cannot be made", now());
  apply(edit);
}

bool GuestEngine::approach_event() {
  if (mode() != Mode::replay) return false;
  const auto* next = events_.peek();
  if (next == nullptr || next->ticks != cpu_->ticks()) return false;
  if (!is_between_instructions(next->kind)) return false;
  const Time there = next->time(), here = now();
  if (there.pc == here.pc && there.rest > here.rest && advance_repeated(there.rest - here.rest)) return true;
  step_one();
  return true;
}

Result<> GuestEngine::edit_signal(const KernelSignal& signal) {
  if (is_worker()) return fail("signals are chosen at the tip");
  if (ended_) return fail("the guest has ended");
  if (stand_.raised) {
    if (auto edited = edit({.kind = EditKind::signal}); !edited) return edited;
  } else if (signal.number != 0 && !stand_.waiting) {
    // Where it is delivered must be a Time that a worker finds: behind an edit.
    Edit nothing{.kind = EditKind::memory};
    if (auto edited = edit(nothing); !edited) return edited;
  }
  stand_.waiting.reset();
  if (signal.number != 0) {
    stand_.waiting = signal;
  } else {
    signals_->set_mask(signals_->state().mask, false);  // the one that is dropped has blocked all others
  }
  return {};
}

void GuestEngine::leave_history() {
  edited_ = true;
  log_exhausted_ = false;
  events_.start_running();
  cpu_->no_stop();
}

bool GuestEngine::executes_when_edited(const Exit& exit) const {
  if (exit.effect != Effect::syscall) return true;
  const auto& g = const_cast<Cpu&>(*cpu_).regs().gpr;
  switch (g[rax]) {
    case SYS_brk:
    case SYS_munmap:
    case SYS_mprotect:
    case SYS_madvise:
      return true;
    case SYS_mmap:
      return (g[r10] & MAP_ANONYMOUS) != 0 && (g[r10] & MAP_SHARED) == 0;
    case SYS_clock_gettime:
    case SYS_gettimeofday:
    case SYS_time:
      return true;
    default:
      return false;
  }
}

}  // namespace fred
