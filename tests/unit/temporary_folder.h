// A folder for the files of a test.
#pragma once
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "test.h"

namespace fred::test {

/// A folder of its own under the system's temporary one, gone at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(std::filesystem::temp_directory_path() / "fred-unit-XXXXXX") {
    REQUIRE(mkdtemp(path_.data()) != nullptr);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }
  /// Writes a file of that name and returns its path.
  std::string file(const std::string& name, const std::string& contents) const {
    const std::string made = path_ + "/" + name;
    std::ofstream(made, std::ios::binary) << contents;
    return made;
  }

 private:
  std::string path_;
};

}  // namespace fred::test
