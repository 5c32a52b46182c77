#include "core/memory/shared_pages.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/base/log.h"
#include "core/memory/guest_memory.h"
#include "core/memory/tracked_object.h"

namespace fred {

namespace {

constexpr u64 most = u64{1} << 30;  // bytes tracked
constexpr u64 anonymous_dev = 1;
constexpr u64 individually = 1024;  // pages that are opened one by one at most

/// Nobody can have it but who got it by a fork. (Ids of System V memory are 32 bits.)
bool is_anonymous(const Mapping& m) {
  return is_shared_memory(m) && m.file->source == Source::guest_file && m.file->dev == anonymous_dev &&
         m.file->ino >> 32 != 0;
}

}  // namespace

struct SharedPages::Place {
  ObjectPlace where;
  TrackedObject* object;
};

SharedPages::SharedPages(const AddressMap& table, SharedShadow& shadow) : table_(table), shadow_(shadow) {}
SharedPages::~SharedPages() = default;

void SharedPages::begin(const PageJournal& journal, u64 deaths, std::function<bool()> may_tell) {
  journal_ = journal;
  may_tell_ = std::move(may_tell);
  seen_ = journal_.written();
  seen_comparisons_ = journal_.comparisons();
  seen_deaths_ = deaths;
}

void SharedPages::stop() {
  compare_everything();
  journal_ = {};
}

void SharedPages::forget() {
  // Giving memory back would make copies of all of it.
  for (auto& object : objects_) (void)object.release();
  objects_.clear();
  places_.clear();
  journal_ = {};
  stale_ = false;
}

TrackedObject* SharedPages::find(u64 id) const {
  const auto found = std::ranges::find(objects_, id, [](const auto& object) { return object->id(); });
  return found != objects_.end() ? found->get() : nullptr;
}

bool SharedPages::follow(const Mapping& m) {
  if (!journal_.exists() || !is_anonymous(m)) return false;
  const u64 id = m.file->ino;
  if (find(id) == nullptr) {
    u64 total = m.file->size;
    for (const auto& object : objects_) total += object->size();
    if (nothing_ || total > most) journal_.compare_whole(id);
    if (journal_.is_compared(id)) return false;
    objects_.push_back(std::make_unique<TrackedObject>(id));
    LOG_DEBUG(memory, "object {:#x}, {} KiB: its pages are tracked", id, m.file->size >> 10);
  }
  find_places();
  return true;
}

void SharedPages::find_places() {
  stale_ = false;
  places_.clear();
  std::map<u64, std::vector<ObjectPlace>> found;
  for (const auto& [begin, m] : table_.all()) {
    if (!is_anonymous(m)) continue;
    auto* object = find(m.file->ino);
    if (object == nullptr) continue;
    const ObjectPlace place{.range = m.range, .first = m.offset / page_size, .prot = real_prot(m.prot)};
    found[object->id()].push_back(place);
    places_.push_back({place, object});
  }
  std::erase_if(objects_, [&](const auto& object) {
    const auto places = found.find(object->id());
    if (places != found.end()) {
      object->map(std::move(places->second));
      return false;
    }
    count_past(*object);
    return true;
  });
}

bool SharedPages::write_fault(GuestAddr at) {
  auto place = std::ranges::upper_bound(places_, at, {}, [](const Place& p) { return p.where.range.begin; });
  if (place == places_.begin()) return false;
  --place;
  const auto& [where, object] = *place;
  return where.range.contains(at) && object->write_fault(where, where.first + (at - where.range.begin) / page_size);
}

template <class Function>
void SharedPages::for_each_place(GuestRange range, Function&& look) {
  if (objects_.empty() || range.empty()) return;
  if (stale_) find_places();
  auto place = std::ranges::upper_bound(places_, range.begin, {}, [](const Place& p) { return p.where.range.end; });
  for (; place != places_.end() && place->where.range.begin < range.end; ++place) look(*place);
}

void SharedPages::open(GuestRange range) {
  for_each_place(range, [&](const Place& place) { place.object->open(place.where, range); });
}

void SharedPages::changing(GuestRange range) {
  bool settled = false, changes = false;
  for_each_place(range, [&](const Place& place) {
    // What was written must be known before it is out of sight.
    if (!std::exchange(settled, true) && may_tell_()) settle();
    changes = true;
    const u64 end = std::min(range.end, place.where.range.end) - place.where.range.begin;
    const u64 begin = std::max(range.begin, place.where.range.begin) - place.where.range.begin;
    if (end - begin > individually * page_size)
      place.object->open_all();
    else
      place.object->open(place.where, range);
  });
  stale_ |= changes;
}

void SharedPages::hand_over(u64 id) {
  if (stale_) find_places();
  auto* object = find(id);
  if (object == nullptr) return;
  LOG_INFO(memory, "object {:#x} is compared as a whole from now on", id);
  object->give_to(shadow_);
  count_past(*object);
  std::erase_if(places_, [&](const Place& place) { return place.object == object; });
  std::erase_if(objects_, [&](const auto& o) { return o.get() == object; });
}

void SharedPages::count_past(const TrackedObject& object) {
  past_faults_ += object.faults();
  past_compared_ += object.compared();
}

void SharedPages::compare_whole(GuestRange range) {
  std::vector<u64> ids;
  for_each_place(range, [&](const Place& place) { ids.push_back(place.object->id()); });
  for (const u64 id : ids) {
    journal_.compare_whole(id);
    hand_over(id);
  }
}

void SharedPages::compare_everything() {
  nothing_ = true;
  compare_whole({GuestAddr{0}, GuestAddr{~u64{0}}});
}

void SharedPages::settle() {
  if (objects_.empty()) return;
  if (stale_) find_places();
  for (const auto& object : objects_) object->settle(journal_);
  seen_ = journal_.written();
}

void SharedPages::absorb(u64 deaths) {
  if (!journal_.exists()) return;
  const u64 written = journal_.written(), comparisons = journal_.comparisons();
  const bool all = deaths != seen_deaths_ || written - seen_ > PageJournal::room;
  if (comparisons != seen_comparisons_) {
    std::vector<u64> ids;
    for (const auto& object : objects_)
      if (journal_.is_compared(object->id())) ids.push_back(object->id());
    for (const u64 id : ids) hand_over(id);
  }
  if (!objects_.empty()) {
    if (stale_) find_places();
    if (all) {
      LOG_DEBUG(memory, "all of shared memory is compared: {} pages written, {} deaths", written - seen_, deaths);
      for (const auto& object : objects_) object->absorb_all(changed_);
    }
    for (u64 i = seen_; !all && i < written; ++i) {
      const auto& entry = journal_.at(i);
      if (auto* object = find(entry.object); object != nullptr) object->absorb(entry.page, changed_);
    }
  }
  seen_ = written;
  seen_comparisons_ = comparisons;
  seen_deaths_ = deaths;
}

std::vector<GuestRange> SharedPages::take_changes() {
  auto changed = std::exchange(changed_, {});
  std::erase_if(changed, [&](GuestRange range) {
    const auto* m = table_.find(range.begin);
    return m == nullptr || !is_shared_memory(*m);
  });
  return changed;
}

u64 SharedPages::faults() const {
  u64 all = past_faults_;
  for (const auto& object : objects_) all += object->faults();
  return all;
}

u64 SharedPages::compared() const {
  u64 all = past_compared_;
  for (const auto& object : objects_) all += object->compared();
  return all;
}

}  // namespace fred
