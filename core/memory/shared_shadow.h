// Memory that processes outside the recording can write: what the recording knows of it, so that what they
// changed can be found and logged at the calls that wait for them. Changes are thus seen at such calls, not at
// the instruction that could first have read them. Live only.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/memory/address_map.h"
#include "core/memory/existing_pages.h"

namespace fred {

class SharedShadow {
 public:
  using PagePointer = std::unique_ptr<PageBytes>;
  /// Takes the contents of a mapping, from now on shared with others, as known. False, and nothing, if that would be
  /// more memory than can be compared at every call.
  bool follow(const Mapping& mapping);
  /// The same of memory of which the contents are known already: `known` gives those of each page, null for zeros.
  void take_over(GuestRange range, const std::function<PagePointer(GuestAddr)>& known);
  /// What differs from what is known, which it becomes. Ranges lie within a page each. Mappings of files are looked at
  /// only if `files` is set.
  std::vector<GuestRange> changes(const AddressMap& table, bool files);
  /// The process has written itself: what is there becomes known. Without `files`, what they have is not known from
  /// then on: all of it counts as changed.
  void refresh(const AddressMap& table, bool files);
  /// The range, of which there is a private copy now, is followed no longer; what may differ in it from what is known
  /// goes to `unknown`.
  void leave(GuestRange range, std::vector<GuestRange>& unknown);
  bool empty() const { return followed_.empty(); }

 private:
  static constexpr u64 most = u64{256} << 20;  // bytes followed
  /// `all_of_files`: as changed.
  std::vector<GuestRange> look(const AddressMap& table, bool files, bool all_of_files);
  void compare(GuestRange range, std::vector<GuestRange>& changed);
  std::vector<GuestRange> followed_;
  bool files_known_ = true;
  std::map<GuestAddr, PagePointer> known_;  // pages that are not zero
};

/// Memory that several processes can have mapped, by itself and not as a copy of ours.
bool is_object(const MappedFile& file);
/// True for memory that is really shared with other processes.
bool is_shared_memory(const Mapping& mapping);
/// Of that, a file that can be written.
bool is_shared_file(const Mapping& mapping);

}  // namespace fred
