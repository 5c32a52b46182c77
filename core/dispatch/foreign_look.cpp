// How it is found that memory is foreign.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "core/base/log.h"
#include "core/dispatch/foreign_access.h"
#include "core/dispatch/guest_engine.h"
#include "core/signals/kernel_signals.h"

namespace fred {

namespace {

/// A look without anything new costs at most this part of the time.
constexpr int unasked = 50;
constexpr std::chrono::milliseconds least_pause{200};
/// Those at new mappings come at once, as long as all looks together have cost no more than this and a part of the
/// time.
constexpr std::chrono::milliseconds free_of_charge{200};
constexpr int asked_for = 10;
constexpr u64 notice_foreign = u64{1} << 45;

/// Of this thread: while others have the processor, a look costs nothing.
std::chrono::nanoseconds processor_time() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

/// What the mapping really is a mapping of, as /proc names it.
std::optional<MappedObject> object_of(const Mapping& m, const std::vector<KernelMapping>& own) {
  if (!is_object(*m.file)) return MappedObject{.dev = m.file->dev, .ino = m.file->ino};  // of a copy's original
  for (const auto& line : own) {
    if (line.shared && line.range.contains(m.range.begin)) return MappedObject{.dev = line.dev, .ino = line.ino};
  }
  return std::nullopt;
}

}  // namespace

bool ForeignAccess::look() {
  auto& tree = engine_.tree();
  auto& memory = engine_.memory();
  if (engine_.mode() == Mode::run) notices_.stop();
  if (engine_.mode() != Mode::record || !engine_.options().foreign || engine_.options().lockstep ||
      !engine_.is_safe_point())
    return false;
  opened_ |= take_file_notice();
  const bool asked = opened_ || memory.shared_mappings_made() != seen_made_ || tree.foreign_objects() != seen_foreign_;
  if (!asked && !looking_) return false;
  const auto begin = Clock::now();
  const auto allowed = [&] { return spent_ <= free_of_charge + (begin - started_) / asked_for; };
  if (asked ? !allowed() : begin < later_) return false;
  const auto worked = processor_time();
  if (std::exchange(opened_, false)) notices_.take();
  seen_made_ = memory.shared_mappings_made();
  seen_foreign_ = tree.foreign_objects();
  const auto candidates = memory.foreign_candidates();
  looking_ = !candidates.empty();
  if (!looking_) return false;
  const auto own = own_mappings();
  std::vector<std::pair<Mapping, MappedObject>> mapped;
  std::vector<MappedObject> objects;
  for (const auto& m : candidates) {
    const auto object = object_of(m, own);
    if (!object) continue;
    mapped.emplace_back(m, *object);
    if (std::ranges::find(objects, *object) == objects.end()) objects.push_back(*object);
    notices_.watch(*object, m.file->path, m.range);
  }
  // Whoever has opened it just now has perhaps not mapped it yet.
  const auto writers = find_writers(objects, tree.mark(), asked);
  std::vector<GuestRange> wanted;
  for (const auto& [m, object] : mapped) {
    const auto writer = std::ranges::find(writers, object, &MemoryWriter::object);
    const bool unrecorded = writer != writers.end() && !writer->recorded;
    // Recorded ones take turns (core/tree/shared_turn.h), unless what this one reads is a copy.
    const bool copied = writer != writers.end() && !is_object(*m.file);
    if (!unrecorded && !copied && !tree.is_foreign(object)) continue;
    wanted.push_back(m.range);
    if (unrecorded) {
      if (is_object(*m.file)) tree.tell_foreign(object);
      engine_.notice_once(notice_foreign, fmt::format("process {} ({}) is not recorded and writes to memory of this "
                                                      "program: each access to it is logged, which is slow",
                                                      writer->pid, writer->name));
    }
  }
  const auto cost = processor_time() - worked;
  spent_ += cost;
  later_ = begin + std::max<Clock::duration>(unasked * cost, least_pause);
  LOG_DEBUG(memory, "{} shared mappings, of which {} are written by others: {} us", mapped.size(), wanted.size(),
            std::chrono::duration_cast<std::chrono::microseconds>(cost).count());
  return !wanted.empty() && become_foreign(wanted);
}

bool ForeignAccess::look_again() { return engine_.next_here(EventKind::foreign) != nullptr && become_foreign({}); }

bool ForeignAccess::become_foreign(const std::vector<GuestRange>& wanted) {
  auto& memory = engine_.memory();
  std::vector<GuestRange> made, changed;
  for (const auto& range : wanted) std::ranges::copy(memory.make_foreign(range), std::back_inserter(made));
  for (const auto& range : made) std::ranges::copy(memory.unknown_contents(range), std::back_inserter(changed));
  if (engine_.mode() == Mode::record) {
    if (made.empty()) return false;
    seen_foreign_ = engine_.tree().foreign_objects();
  }
  engine_.turn_event(EventKind::foreign, [&] {
    engine_.events().blob(made);
    if (engine_.mode() == Mode::replay)
      for (const auto& range : made) memory.make_foreign_again(range);
    return changed;
  });
  return true;
}

}  // namespace fred
