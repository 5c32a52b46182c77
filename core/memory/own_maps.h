// /proc/self/maps, line by line.
#pragma once
#include <string_view>

#include "core/base/types.h"

namespace fred {

/// The mappings of this process in ascending order. Allocates nothing, so that none comes or goes meanwhile.
class OwnMaps {
 public:
  OwnMaps();
  OwnMaps(const OwnMaps&) = delete;
  OwnMaps& operator=(const OwnMaps&) = delete;
  ~OwnMaps();

  struct Line {
    GuestRange range;
    std::string_view name;  // the last column: a file, [heap], …, or empty; there until the next line
  };
  /// False: there are no more.
  bool next(Line& line);

 private:
  bool fill();

  i64 file_;
  char text_[16384];
  std::size_t begin_ = 0, end_ = 0;
};

}  // namespace fred
