#include "core/memory/foreign_memory.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>

#include "core/base/check.h"
#include "core/base/raw_syscall.h"

namespace fred {

namespace {
u64 number(const u8* p) { return reinterpret_cast<u64>(p); }
}  // namespace

bool ForeignMemory::overlaps(GuestRange range) const {
  if (pieces_.empty() || range.empty()) return false;
  const auto behind = pieces_.lower_bound(range.end);
  return behind != pieces_.begin() && std::prev(behind)->second.end > range.begin;
}

std::vector<GuestRange> ForeignMemory::in(GuestRange range) const {
  std::vector<GuestRange> found;
  auto piece = pieces_.upper_bound(range.begin);
  if (piece != pieces_.begin()) --piece;
  for (; piece != pieces_.end() && piece->first < range.end; ++piece) {
    const GuestRange both{std::max(piece->first, range.begin), std::min(piece->second.end, range.end)};
    if (both.begin < both.end) found.push_back(both);
  }
  return found;
}

std::vector<GuestRange> ForeignMemory::all() const {
  std::vector<GuestRange> found;
  for (const auto& [begin, piece] : pieces_) found.push_back({begin, piece.end});
  return found;
}

u8* ForeignMemory::alias(GuestAddr at) const {
  auto piece = pieces_.upper_bound(at);
  if (piece == pieces_.begin()) return nullptr;
  --piece;
  if (at >= piece->second.end || piece->second.alias == nullptr) return nullptr;
  return piece->second.alias + (at - piece->first);
}

void ForeignMemory::split(GuestAddr at) {
  auto piece = pieces_.upper_bound(at);
  if (piece == pieces_.begin()) return;
  --piece;
  if (piece->first == at || piece->second.end <= at) return;
  auto* alias = piece->second.alias;
  pieces_[at] = {piece->second.end, alias == nullptr ? nullptr : alias + (at - piece->first)};
  piece->second.end = at;
}

void ForeignMemory::add(GuestRange range, u8* alias) {
  FRED_CHECK(!overlaps(range), "foreign memory at {:#x} twice", range.begin.value);
  pieces_[range.begin] = {range.end, alias};
}

void ForeignMemory::protect(GuestRange range, int prot) {
  for (const auto& piece : in(range)) {
    if (const u8* there = alias(piece.begin); there != nullptr)
      raw_syscall(SYS_mprotect, number(there), piece.size(), static_cast<u64>(prot));
  }
}

void ForeignMemory::remove(GuestRange range) {
  if (!overlaps(range)) return;
  split(range.begin);
  split(range.end);
  for (auto piece = pieces_.lower_bound(range.begin); piece != pieces_.end() && piece->first < range.end;) {
    const auto& [begin, p] = *piece;
    if (p.alias != nullptr) raw_syscall(SYS_munmap, number(p.alias), p.end - begin);
    piece = pieces_.erase(piece);
  }
}

i64 ForeignMemory::move(GuestRange from, GuestRange to) {
  split(from.begin);
  split(from.end);
  const auto moving = in(from);
  FRED_CHECK(!moving.empty() && moving.back().end == from.end, "no foreign memory up to {:#x}", from.end.value);
  auto& last = pieces_.at(moving.back().begin);
  const u64 before = moving.back().begin - from.begin;  // bytes of the others
  if (last.alias != nullptr && to.size() != from.size()) {
    const i64 moved =
        raw_syscall(SYS_mremap, number(last.alias), from.size() - before, to.size() - before, MREMAP_MAYMOVE);
    if (is_error(moved)) return moved;
    last.alias = reinterpret_cast<u8*>(moved);
  }
  std::map<GuestAddr, Piece> moved;
  for (const auto& range : moving) {
    const GuestAddr begin = to.begin + (range.begin - from.begin);
    const GuestAddr end = range.end == from.end ? to.end : begin + range.size();
    moved[begin] = {end, pieces_.at(range.begin).alias};
    pieces_.erase(range.begin);
  }
  pieces_.merge(moved);
  return 0;
}

void ForeignMemory::give_back() {
  for (const auto& [begin, piece] : pieces_) {
    if (piece.alias == nullptr) continue;
    const u64 size = piece.end - begin;
    const i64 moved =
        raw_syscall(SYS_mremap, number(piece.alias), size, size, MREMAP_MAYMOVE | MREMAP_FIXED, begin.value);
    FRED_CHECK(!is_error(moved), "shared memory cannot be moved back to {:#x}: errno {}", begin.value, -moved);
  }
  pieces_.clear();
}

void ForeignMemory::drop_aliases() {
  for (auto& [begin, piece] : pieces_) {
    if (piece.alias != nullptr) raw_syscall(SYS_munmap, number(piece.alias), piece.end - begin);
    piece.alias = nullptr;
  }
}

}  // namespace fred
