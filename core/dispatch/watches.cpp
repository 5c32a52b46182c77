#include "core/dispatch/watches.h"

#include <algorithm>
#include <cstring>

#include "core/arch/x86/guest_cpu.h"
#include "core/dispatch/guest_engine.h"
#include "core/memory/guest_access.h"
#include "core/translate/accesses.h"

namespace fred {

namespace {
constexpr u64 direction_flag = 0x400;
}  // namespace

Watches::Watches(GuestEngine& engine, Report report)
    : engine_(engine), report_(std::move(report)), registers_(engine, report_), table_(watch_table) {}

void Watches::clear() {
  stop();
  watched_.clear();
  ranges_.clear();
  table_.watched = nullptr;
  table_.count = 0;
  registers_.clear();
}

void Watches::add(std::size_t index, const RegisterCondition& condition, std::optional<ThreadId> thread) {
  registers_.add(index, condition.gpr, thread);
}

void Watches::add(std::size_t index, const WatchCondition& condition) {
  ranges_.push_back({.index = index, .condition = condition, .bytes = std::vector<u8>(condition.range.size())});
}

void Watches::finish() {
  std::sort(ranges_.begin(), ranges_.end(),
            [](const Range& a, const Range& b) { return a.condition.range.begin < b.condition.range.begin; });
  u64 reach = 0;
  Watching watching{.stores = !ranges_.empty(), .loads = false};
  for (auto& range : ranges_) {
    const auto& c = range.condition;
    reach = std::max(reach, c.range.end.value);
    Watched w{};
    w.begin = c.range.begin.value;
    w.end = c.range.end.value;
    w.reach = reach;
    w.bytes = range.bytes.data();
    w.changes = c.access == WatchCondition::Access::write;
    w.reads = c.access != WatchCondition::Access::write;
    w.writes = c.access == WatchCondition::Access::access;
    watching.loads |= w.reads;
    watched_.push_back(w);
  }
  reads_ = watching.loads;
  table_.watched = watched_.data();
  table_.count = watched_.size();
  registers_.finish();
  watching.registers = registers_.mask();
  mark_granules();
  engine_.cpu().watch(watching);
}

void Watches::mark_granules() {
  auto& granules = engine_.cpu().conditions().granules;
  std::memset(granules, 0, sizeof granules);
  for (const auto& w : watched_) {
    // An access is looked up by where it begins.
    const u64 first = (w.begin - (largest_access - 1)) / granule_size, last = (w.end - 1) / granule_size;
    if (last - first >= granule_count) {
      std::memset(granules, 1, sizeof granules);
      return;
    }
    for (u64 g = first; g <= last; ++g) granules[g % granule_count] = 1;
  }
}

void Watches::start(bool notes) {
  if (!any()) return;
  registers_.start();
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    refresh(i);
    watched_[i].count = 0;
    watched_[i].fresh = false;
  }
  pending_.reset();
  table_.found = table_.incomplete = false;
  table_.mode = suspended_ ? WatchMode::off : notes ? WatchMode::note : WatchMode::stop;
  mode_ = notes ? WatchMode::note : WatchMode::stop;
}

void Watches::stop() { mode_ = table_.mode = WatchMode::off; }

void Watches::set_suspended(bool suspended) {
  suspended_ = suspended;
  table_.mode = suspended ? WatchMode::off : mode_;
  if (!suspended && pending_) compare(*pending_);
}

/// Takes the bytes as they are now; those from before lie in `before_` if there is a difference.
bool Watches::refresh(std::size_t i) {
  auto& w = watched_[i];
  auto& bytes = ranges_[i].bytes;
  const GuestAddr begin{w.begin};
  now_.resize(bytes.size());
  u64 mapped = bytes.size();
  if (!guest_read(now_.data(), begin, mapped)) {
    mapped = guest_readable(begin, bytes.size());
    if (!guest_read(now_.data(), begin, mapped)) mapped = 0;
  }
  if (mapped == w.mapped && std::memcmp(bytes.data(), now_.data(), mapped) == 0) return false;
  before_.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(w.mapped));
  std::memcpy(bytes.data(), now_.data(), mapped);
  w.mapped = mapped;
  return true;
}

void Watches::compare(const Time& began) {
  if (suspended_ || !engine_.is_safe_point()) {
    if (!pending_) pending_ = began;
    return;
  }
  const Time at = pending_.value_or(began);
  pending_.reset();
  registers_.compare(at);
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    if (!refresh(i)) continue;
    auto& w = watched_[i];
    if (!w.changes && !w.writes) continue;
    reported_.push_back(i);
    const auto now = std::span<const u8>(w.bytes, w.mapped);
    report_(ranges_[i].index, {.at = at, .after = engine_.now(), .before = before_, .now = {now.begin(), now.end()}});
  }
}

void Watches::finish_incomplete() {
  if (!std::exchange(table_.incomplete, false)) return;
  compare({.ticks = table_.ticks, .pc = GuestAddr{table_.pc}});
}

Hit Watches::hit_of(const Watched& w) const {
  Hit hit{.at = {.ticks = w.ticks, .pc = GuestAddr{w.pc}}, .after = {.ticks = w.ticks, .pc = GuestAddr{w.next}}};
  if (w.changed) {
    hit.now.assign(w.bytes, w.bytes + w.mapped);
    hit.before = hit.now;
    std::memcpy(hit.before.data() + w.offset, w.before, w.size);
  } else {
    hit.now.assign(w.before, w.before + w.size);
    hit.before = hit.now;
  }
  return hit;
}

void Watches::take_found() {
  if (!std::exchange(table_.found, false)) return;
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    if (std::exchange(watched_[i].fresh, false)) report_(ranges_[i].index, hit_of(watched_[i]));
  }
  registers_.take_found();
}

void Watches::add_to(std::vector<Note>& notes) const {
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    const auto& w = watched_[i];
    if (w.count != 0) notes[ranges_[i].index].add(w.count, hit_of(w));
  }
  registers_.add_to(notes);
}

Watches::Step Watches::before_step() {
  auto& cpu = engine_.cpu();
  Step step{.at = engine_.now(), .instruction = {}, .accesses = {}, .others = {}, .registers = cpu.registers()};
  reported_.clear();
  if (!reads_ || suspended_) return step;
  u8 code[15];
  const u64 size = guest_readable(step.at.pc, sizeof code);
  if (!guest_read(code, step.at.pc, size)) return step;
  step.instruction = decode(step.at.pc, {code, size});
  if (!step.instruction) return step;
  step.accesses = accesses_of(*step.instruction, {code, size});
  if (step.accesses.other) {
    std::vector<u8> vectors(cpu.vector_area(), cpu.vector_area() + cpu.vector_size());
    canonicalise_vector_area(vectors.data(), cpu.vector_mask());
    step.others = other_accesses(*step.instruction, {code, size}, step.registers, vectors);
  }
  return step;
}

void Watches::after_step(const Step& step, bool executed) {
  compare(step.at);
  if (suspended_ || !step.instruction) return;
  const auto& i = *step.instruction;
  const u64 iterations = step.registers.gpr[rcx] - engine_.cpu().regs().gpr[rcx];
  if (i.repeated ? iterations == 0 : !executed) return;
  for (const auto& a : step.accesses.all()) {
    const u64 address = address_of(a, step.registers);
    const bool down = (step.registers.rflags & direction_flag) != 0;
    const auto range =
        i.repeated ? repeated_range(address, a.size, iterations, down) : guest_range(GuestAddr{address}, a.size);
    note_access({.range = range, .reads = a.reads, .writes = a.writes}, step.at);
  }
  for (const auto& touched : step.others) note_access(touched, step.at);
}

void Watches::end_change(const Time& at) {
  reported_.clear();
  compare(at);
  if (!suspended_ && engine_.is_safe_point()) {
    for (const auto& range : kernel_reads_) note_access({.range = range, .reads = true, .writes = false}, at);
  }
  kernel_reads_.clear();
}

void Watches::note_access(const Touched& a, const Time& at) {
  for (std::size_t k = 0; k < watched_.size(); ++k) {
    const auto& w = watched_[k];
    if (!((a.reads && w.reads) || (a.writes && w.writes)) || !ranges_[k].condition.range.overlaps(a.range)) continue;
    if (std::find(reported_.begin(), reported_.end(), k) != reported_.end()) continue;
    reported_.push_back(k);  // once for each instruction
    const u64 size = w.mapped <= sizeof w.before ? w.mapped : 0;
    const std::vector<u8> bytes(w.bytes, w.bytes + size);
    report_(ranges_[k].index, {.at = at, .after = engine_.now(), .before = bytes, .now = bytes});
  }
}

}  // namespace fred
