#include "core/dispatch/conditions.h"

#include <algorithm>
#include <set>

#include "core/dispatch/guest_engine.h"
#include "core/memory/guest_access.h"
#include "core/threads/threads.h"

namespace fred {

namespace {

template <class T>
bool among(const std::vector<T>& wanted, T number) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), number) != wanted.end();
}

template <class What>
const What* as(const Condition& c) {
  return std::get_if<What>(&c.what);
}

}  // namespace

Conditions::Conditions(GuestEngine& engine)
    : engine_(engine), watches_(engine, [this](std::size_t index, Hit hit) { happened(index, std::move(hit)); }) {}

bool Conditions::for_this_thread(const Condition& c) const {
  return !c.thread || *c.thread == engine_.process().thread;
}

Result<> Conditions::set(std::vector<Condition> conditions) {
  std::set<ConditionId> ids;
  for (const auto& c : conditions) {
    if (!ids.insert(c.id).second) return fail("two conditions with the same id");
    if (const auto* watch = as<WatchCondition>(c); watch != nullptr && watch->range.empty()) {
      return fail("a watch of an empty range");
    }
  }
  arm(Use::none, {});
  disarm_break_points();
  watches_.clear();
  conditions_ = std::move(conditions);
  breaks_.clear();
  has_calls_ = has_signals_ = has_processes_ = has_turns_ = false;
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    const auto& c = conditions_[i];
    if (const auto* at = as<BreakCondition>(c)) breaks_[at->pc.value].push_back(i);
    if (const auto* watch = as<WatchCondition>(c)) watches_.add(i, *watch);
    if (const auto* watch = as<RegisterCondition>(c)) watches_.add(i, *watch, c.thread);
    has_calls_ |= as<SyscallCondition>(c) != nullptr;
    has_signals_ |= as<SignalCondition>(c) != nullptr;
    has_turns_ |= as<TurnCondition>(c) != nullptr;
    has_processes_ |= as<ProcessCondition>(c) != nullptr;
  }
  watches_.finish();
  return {};
}

void Conditions::arm(Use use, const Time& end) {
  end_ = end;
  hits_.clear();
  happened_ = false;
  announced_call_.reset();
  announced_signal_.reset();
  use_ = use;
  found_.assign(use == Use::note ? conditions_.size() : 0, {});
  if (use != Use::none && break_points_ != use) arm_break_points();
  for (auto* slot : slots_) {
    if (slot != nullptr) *slot = {};
  }
  thread_slots_.assign(slots_.size(), {});
  if (use == Use::none) {
    watches_.stop();
  } else {
    watches_.start(use == Use::note);
  }
}

void Conditions::arm_break_points() {
  slots_.assign(use_ == Use::note ? conditions_.size() : 0, nullptr);
  u64 used = 0;
  for (const auto& [pc, indices] : breaks_) {
    std::vector<BreakPoint> points;
    for (const auto i : indices) {
      auto& point = points.emplace_back();
      point.stack_pointer = as<BreakCondition>(conditions_[i])->stack_pointer;
      if (use_ != Use::note || used == note_slot_count || !engine_.options().translate.inline_notes)
        continue;  // without a slot the cache is left, and look() counts
      point.note = slots_[i] = &engine_.cpu().conditions().notes[used++];
    }
    engine_.cpu().set_break_points(GuestAddr{pc}, std::move(points));
  }
  break_points_ = use_;
}

void Conditions::disarm_break_points() {
  if (break_points_ == Use::none) return;
  for (const auto& [pc, indices] : breaks_) engine_.cpu().set_break_points(GuestAddr{pc}, {});
  slots_.clear();
  break_points_ = Use::none;
}

void Conditions::found(std::size_t index, Hit hit) {
  hit.id = conditions_[index].id;
  hit.thread = engine_.process().thread;
  if (use_ == Use::stop) {
    hits_.push_back(std::move(hit));
  } else if (use_ == Use::note) {
    ++found_[index].count;
    found_[index].last = std::move(hit);
  }
}

void Conditions::happened(std::size_t index, Hit hit) {
  if (!for_this_thread(conditions_[index])) return;
  happened_ = use_ == Use::stop;
  found(index, std::move(hit));
}

void Conditions::look(const Time& at) {
  if (use_ == Use::none || suspended_ || conditions_.empty()) return;
  if (use_ == Use::stop) watches_.take_found();
  // A thread that lost the turn before it executed its instruction was looked at then.
  const bool again = engine_.threads().just_arrived();
  if (at.phase == 0 && at.rest == 0 && !again) {
    if (const auto here = breaks_.find(at.pc.value); here != breaks_.end()) {
      for (const auto i : here->second) look_at_break(i, *as<BreakCondition>(conditions_[i]), at);
    }
  }
  if (!has_calls_ && !has_signals_) return;
  const auto* waiting = engine_.signal_here();
  const bool told = engine_.raised_signal() == 0 && !engine_.is_worker();  // by wants_signal()
  const int signal = waiting != nullptr && !told ? waiting->number : 0;
  const auto call =
      waiting == nullptr && !again ? engine_.system_call_here() : std::nullopt;  // else it comes behind the handler
  if (!call && signal == 0) return;
  const u32 number = call.value_or(0);
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    const auto& c = conditions_[i];
    if (!for_this_thread(c)) continue;
    if (const auto* calls = as<SyscallCondition>(c); calls != nullptr && call && among(calls->numbers, number)) {
      found(i, {.at = at, .after = at, .number = number});
    }
    const auto* signals = as<SignalCondition>(c);
    if (signals != nullptr && signal != 0 && among(signals->numbers, signal)) {
      found(i, {.at = at, .after = at, .number = static_cast<u32>(signal)});
    }
  }
}

void Conditions::leave_thread() {
  if (has_turns_ && use_ != Use::none) {
    const Time now = engine_.now();
    const bool counts = use_ == Use::stop || now < end_;
    for (std::size_t i = 0; counts && i < conditions_.size(); ++i) {
      if (as<TurnCondition>(conditions_[i]) != nullptr) happened(i, {.at = now, .after = now});
    }
  }
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i] != nullptr && conditions_[i].thread && for_this_thread(conditions_[i])) thread_slots_[i] = *slots_[i];
  }
}

void Conditions::enter_thread() {
  watches_.enter_thread();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i] != nullptr && conditions_[i].thread && for_this_thread(conditions_[i])) *slots_[i] = thread_slots_[i];
  }
}

void Conditions::look_at_break(std::size_t index, const BreakCondition& c, const Time& at) {
  if (!for_this_thread(conditions_[index])) return;
  if (c.stack_pointer && *c.stack_pointer != engine_.cpu().regs().gpr[rsp]) return;
  auto* slot = slots_.empty() ? nullptr : slots_[index];
  if (slot == nullptr) {
    found(index, {.at = at, .after = at});
  } else if (slot->count == 0 || slot->last_ticks() != at.ticks) {  // else translated code has counted it and left
    slot->note(at.ticks);
  }
}

std::vector<Note> Conditions::notes() {
  std::vector<Note> notes;
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    auto& note = notes.emplace_back();
    note.count = found_[i].count;
    note.last = std::move(found_[i].last);
    const NoteSlot* slot = slots_.empty() ? nullptr : slots_[i];
    if (slot == nullptr) continue;
    if (!for_this_thread(conditions_[i])) slot = &thread_slots_[i];
    if (slot->count == 0) continue;
    const Time at{.ticks = slot->last_ticks(), .pc = as<BreakCondition>(conditions_[i])->pc};
    note.count = slot->count;
    note.last = Hit{.at = at, .after = at};
  }
  watches_.add_to(notes);
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    notes[i].id = conditions_[i].id;
    if (notes[i].last) {
      notes[i].last->id = conditions_[i].id;
      if (notes[i].last->thread == 0) notes[i].last->thread = conditions_[i].thread.value_or(engine_.process().thread);
    }
  }
  return notes;
}

std::vector<Hit> Conditions::take_hits() {
  happened_ = false;
  auto hits = std::exchange(hits_, {});
  const auto place = [&](const Hit& hit) {
    return std::find_if(conditions_.begin(), conditions_.end(), [&](const Condition& c) { return c.id == hit.id; });
  };
  std::stable_sort(hits.begin(), hits.end(), [&](const Hit& a, const Hit& b) { return place(a) < place(b); });
  return hits;
}

bool Conditions::wants_system_call(u32 number, const Time& at) {
  if (!has_calls_ || use_ == Use::none || suspended_ || announced_call_ == at) return false;
  const bool wanted = std::any_of(conditions_.begin(), conditions_.end(), [&](const Condition& c) {
    const auto* calls = as<SyscallCondition>(c);
    return calls != nullptr && for_this_thread(c) && among(calls->numbers, number);
  });
  if (wanted) announced_call_ = at;
  return wanted;
}

bool Conditions::wants_signal(int number, const Time& at) {
  if (!has_signals_ || use_ == Use::none || suspended_ || announced_signal_ == at) return false;
  const bool live = !engine_.is_worker();
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    const auto* signals = as<SignalCondition>(conditions_[i]);
    if (signals == nullptr || !for_this_thread(conditions_[i]) || !among(signals->numbers, number)) continue;
    announced_signal_ = at;
    // In live it came after the Time was looked at.
    if (live) happened(i, {.at = at, .after = at, .number = static_cast<u32>(number)});
  }
  return announced_signal_ == at;
}

void Conditions::system_call_made(u32 number) {
  if (engine_.is_safe_point()) set_suspended(false);
  if (!(has_calls_ || has_processes_) || use_ == Use::none || suspended_) {
    process_event_.reset();
    return;
  }
  if (!engine_.is_safe_point()) {  // a vfork, re-executed: it returns when the child has gone
    vfork_call_ = number;
    return;
  }
  const Time now = engine_.now();
  const auto event = std::exchange(process_event_, std::nullopt);
  if (use_ == Use::note && now >= end_) return;
  for (std::size_t i = 0; event && i < conditions_.size(); ++i) {
    const auto* wanted = as<ProcessCondition>(conditions_[i]);
    if (wanted == nullptr || wanted->event != event->event || !for_this_thread(conditions_[i])) continue;
    happened(i, {.at = now, .after = now, .number = event->pid, .end = event->end});
  }
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    const auto* calls = as<SyscallCondition>(conditions_[i]);
    if (calls == nullptr || !for_this_thread(conditions_[i]) || !among(calls->numbers, number)) continue;
    happened(i, {.at = now, .after = now, .number = number, .returned = true});
  }
}

void Conditions::set_suspended(bool suspended) {
  if (suspended == suspended_) return;
  suspended_ = suspended;
  watches_.set_suspended(suspended);
  // What translated code counts in between is forgotten.
  if (suspended) saved_slots_.clear();
  for (std::size_t i = 0, saved = 0; i < slots_.size(); ++i) {
    if (slots_[i] == nullptr) continue;
    if (suspended) {
      saved_slots_.push_back(*slots_[i]);
    } else {
      *slots_[i] = saved_slots_[saved++];
    }
  }
  if (const auto call = suspended ? std::nullopt : std::exchange(vfork_call_, std::nullopt)) system_call_made(*call);
}

}  // namespace fred
