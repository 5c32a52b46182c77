#include "core/memory/address_map.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/memory/layout.h"

namespace fred {

namespace {

bool same_file(const Mapping& a, const Mapping& b) {
  return a.file == b.file || (a.file && b.file && *a.file == *b.file);
}

/// Where free room ends below this mapping.
GuestAddr guarded_begin(const Mapping& m) {
  const u64 guard = m.flags & MAP_GROWSDOWN ? layout::stack_guard : 0;
  return GuestAddr{m.range.begin.value > guard ? m.range.begin.value - guard : 0};
}

/// `m` without what lies outside `range`.
Mapping cut(Mapping m, GuestRange range) {
  const auto begin = std::max(m.range.begin, range.begin);
  m.offset += begin - m.range.begin;
  m.range = {begin, std::min(m.range.end, range.end)};
  return m;
}

}  // namespace

bool Mapping::is_one_with(const Mapping& next) const {
  const bool one_file = file && next.file ? file->same_inode(*next.file) : file == next.file;
  return range.end == next.range.begin && owner == next.owner && prot == next.prot && max_prot == next.max_prot &&
         traits == next.traits && flags == next.flags && name == next.name && one_file &&
         offset + range.size() == next.offset && name != "[vdso]";
}

bool Mapping::merges_with(const Mapping& next) const { return is_one_with(next) && same_file(*this, next); }

bool Mapping::operator==(const Mapping& o) const {
  return range == o.range && owner == o.owner && prot == o.prot && max_prot == o.max_prot && traits == o.traits &&
         flags == o.flags && offset == o.offset && same_file(*this, o) && name == o.name;
}

void AddressMap::split(GuestAddr at) {
  auto it = mappings_.upper_bound(at);
  if (it == mappings_.begin()) return;
  --it;
  Mapping& low = it->second;
  if (low.range.begin == at || low.range.end <= at) return;
  Mapping high = cut(low, {at, low.range.end});
  low.range.end = at;
  mappings_.emplace_hint(std::next(it), at, std::move(high));
}

void AddressMap::merge_around(GuestRange range) {
  auto it = mappings_.lower_bound(range.begin);
  if (it != mappings_.begin()) --it;
  while (it != mappings_.end() && it->first <= range.end) {
    const auto next = std::next(it);
    if (next == mappings_.end()) return;
    if (it->second.merges_with(next->second)) {
      it->second.range.end = next->second.range.end;
      mappings_.erase(next);
    } else {
      it = next;
    }
  }
}

/// From the end of what lies below the range to the beginning of what lies above it.
GuestRange AddressMap::room_around(GuestRange range) const {
  GuestRange room{GuestAddr{0}, GuestAddr{~u64{0}}};
  auto it = mappings_.lower_bound(range.end);
  if (it != mappings_.end()) room.end = it->first;
  it = mappings_.lower_bound(range.begin);
  if (it != mappings_.begin()) {
    --it;
    room.begin = std::min(it->second.range.end, range.begin);
    if (it->second.range.end > range.end) room.end = range.end;
  }
  return room;
}

/// Rebuilds the index between two mappings, where nothing is indexed.
void AddressMap::index_holes(GuestRange room) {
  GuestAddr from = room.begin;
  auto it = mappings_.upper_bound(room.begin);
  if (it != mappings_.begin() && std::prev(it)->second.range.end > from) from = std::prev(it)->second.range.end;
  for (; it != mappings_.end() && it->first <= room.end; ++it) {
    holes_.add({from, guarded_begin(it->second)});
    from = it->second.range.end;
  }
  if (it == mappings_.end()) holes_.add({from, GuestAddr{~u64{0}}});
}

void AddressMap::clear() {
  mappings_.clear();
  holes_.clear();
  index_holes({GuestAddr{0}, GuestAddr{~u64{0}}});
}

void AddressMap::cut_out(GuestRange range) {
  split(range.begin);
  split(range.end);
  mappings_.erase(mappings_.lower_bound(range.begin), mappings_.lower_bound(range.end));
}

void AddressMap::erase(GuestRange range) {
  const GuestRange room = room_around(range);
  holes_.remove_between(room.begin, room.end);
  cut_out(range);
  index_holes(room);
}

void AddressMap::insert(Mapping mapping) {
  const GuestRange range = mapping.range;
  FRED_CHECK(!range.empty() && range.begin.value % page_size == 0 && range.end.value % page_size == 0,
             "mapping {:#x}-{:#x}", range.begin.value, range.end.value);
  const GuestRange room = room_around(range);
  holes_.remove_between(room.begin, room.end);
  cut_out(range);
  mappings_.emplace(range.begin, std::move(mapping));
  index_holes(room);
  merge_around(range);
}

void AddressMap::update(GuestRange range, const std::function<void(Mapping&)>& change) {
  split(range.begin);
  split(range.end);
  const auto end = mappings_.lower_bound(range.end);
  for (auto it = mappings_.lower_bound(range.begin); it != end; ++it) change(it->second);
  merge_around(range);
}

const Mapping* AddressMap::find_from(GuestAddr at) const {
  auto it = mappings_.upper_bound(at);
  if (it != mappings_.begin() && std::prev(it)->second.range.end > at) --it;
  return it == mappings_.end() ? nullptr : &it->second;
}

const Mapping* AddressMap::find(GuestAddr at) const {
  const Mapping* m = find_from(at);
  return m && m->range.contains(at) ? m : nullptr;
}

std::vector<Mapping> AddressMap::in(GuestRange range) const {
  std::vector<Mapping> found;
  auto it = mappings_.upper_bound(range.begin);
  if (it != mappings_.begin()) --it;
  for (; it != mappings_.end() && it->first < range.end; ++it)
    if (it->second.range.overlaps(range)) found.push_back(cut(it->second, range));
  return found;
}

GuestAddr AddressMap::end_of_one(GuestAddr at) const {
  auto it = std::prev(mappings_.upper_bound(at));
  for (auto next = std::next(it); next != mappings_.end() && it->second.is_one_with(next->second); ++next) it = next;
  return it->second.range.end;
}

bool AddressMap::covers(GuestRange range) const {
  for (GuestAddr at = range.begin; at < range.end;) {
    const Mapping* m = find(at);
    if (!m || m->owner != Owner::guest) return false;
    at = m->range.end;
  }
  return true;
}

bool AddressMap::is_free(GuestRange range) const {
  const Mapping* m = find_from(range.begin);
  return !m || guarded_begin(*m) >= range.end;
}

bool AddressMap::overlaps_engine(GuestRange range) const {
  for (const Mapping* m = find_from(range.begin); m && m->range.begin < range.end; m = find_from(m->range.end))
    if (m->owner == Owner::engine) return true;
  return false;
}

std::optional<GuestAddr> AddressMap::find_free(u64 size, GuestRange bounds, Order order, u64 align) const {
  return holes_.find(size, bounds, order, align);
}

std::string mapping_name(const Mapping& m, const MapNames& names) {
  if (m.file) return m.file->path;
  if (!m.name.empty()) return m.name;
  if (m.range.begin <= names.heap.end && m.range.end >= names.heap.begin && !names.heap.empty()) return "[heap]";
  if (m.range.begin <= names.stack && m.range.end >= names.stack) return "[stack]";
  return {};
}

std::string maps_line(const Mapping& m, const std::string& name) {
  const auto bit = [&](int flag, char c) { return m.prot & flag ? c : '-'; };
  auto line = fmt::format(
      "{:08x}-{:08x} {}{}{}{} {:08x} {:02x}:{:02x} {} ", m.range.begin.value, m.range.end.value, bit(PROT_READ, 'r'),
      bit(PROT_WRITE, 'w'), bit(PROT_EXEC, 'x'), m.flags & MAP_SHARED ? 's' : 'p', m.file ? m.offset : 0,
      m.file ? gnu_dev_major(m.file->dev) : 0, m.file ? gnu_dev_minor(m.file->dev) : 0, m.file ? m.file->ino : 0);
  if (!name.empty()) {
    constexpr std::size_t name_column = 73;
    line.resize(std::max(line.size(), name_column), ' ');
    for (const char c : name) line += c == '\n' ? std::string("\\012") : std::string(1, c);
  }
  return line + '\n';
}

std::string AddressMap::text(const MapNames& names) const {
  std::string all;
  for (const auto& [begin, m] : mappings_)
    if (m.owner == Owner::guest) all += maps_line(m, mapping_name(m, names));
  return all;
}

void AddressMap::write(ByteWriter& w, const std::function<bool(const Mapping&)>& keep) const {
  std::vector<const Mapping*> kept;
  std::vector<std::shared_ptr<const MappedFile>> files;
  for (const auto& [begin, m] : mappings_) {
    if (!keep(m)) continue;
    kept.push_back(&m);
    if (m.file && std::find(files.begin(), files.end(), m.file) == files.end()) files.push_back(m.file);
  }
  w.put<u64>(files.size());
  for (const auto& file : files) file->write(w);
  w.put<u64>(kept.size());
  for (const Mapping* m : kept) {
    const auto file = m->file ? std::find(files.begin(), files.end(), m->file) - files.begin() : -1;
    w.put(m->range).put(m->owner).put(m->prot).put(m->max_prot).put(m->traits).put(m->flags).put(m->offset);
    w.put<i64>(file).put(m->name);
  }
}

bool AddressMap::read(ByteReader& r) {
  std::vector<std::shared_ptr<const MappedFile>> files;
  for (u64 n = r.get<u64>(); n > 0 && r.ok(); --n) {
    auto file = std::make_shared<MappedFile>();
    file->read(r);
    files.push_back(std::move(file));
  }
  for (u64 n = r.get<u64>(); n > 0 && r.ok(); --n) {
    Mapping m;
    i64 file = -1;
    r.get(m.range).get(m.owner).get(m.prot).get(m.max_prot).get(m.traits).get(m.flags).get(m.offset);
    r.get(file).get(m.name);
    const bool sane = r.ok() && !m.range.empty() && m.range.begin.value % page_size == 0 &&
                      m.range.end.value % page_size == 0 && file >= -1 && file < static_cast<i64>(files.size());
    if (!sane) return false;
    if (file >= 0) m.file = files[static_cast<std::size_t>(file)];
    insert(std::move(m));
  }
  return r.ok();
}

}  // namespace fred
