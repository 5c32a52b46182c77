#include "core/memory/memory_image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/base/raw_syscall.h"
#include "core/memory/pagemap.h"

namespace fred {

namespace {

struct ImagePage {
  u64 address;
  u8 bytes[page_size];
};
constexpr u64 pages_at_once = 64;

UniqueFd open_file(const char* path, u64 flags) {
  return UniqueFd{raw_syscall(SYS_open, reinterpret_cast<u64>(path), flags | O_CLOEXEC, 0600)};
}

/// Collects pages and writes many at once.
class ImageWriter {
 public:
  explicit ImageWriter(int fd) : fd_(fd) { pages_.reserve(pages_at_once); }
  void add(const ImagePage& page) {
    pages_.push_back(page);
    if (pages_.size() == pages_at_once) flush();
  }
  void flush() {
    const u64 size = pages_.size() * sizeof(ImagePage);
    for (u64 done = 0; done < size && error_ == 0;) {
      const i64 n =
          raw_syscall(SYS_write, static_cast<u64>(fd_), reinterpret_cast<u64>(pages_.data()) + done, size - done);
      if (n < 0) {
        error_ = static_cast<int>(-n);
      } else {
        done += static_cast<u64>(n);
      }
    }
    pages_.clear();
  }
  int error() const { return error_; }

 private:
  int fd_;
  int error_ = 0;
  std::vector<ImagePage> pages_;
};

}  // namespace

Result<> save_image(const GuestMemory& memory, const std::string& path) {
  const auto file = open_file(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC);
  const auto self = open_file("/proc/self/mem", O_RDONLY);
  if (!file || !self) return fail_errno(EACCES, "cannot save memory to " + path);
  ImageWriter writer(file.get());
  Pagemap pages;
  ImagePage page;
  for (const auto& [begin, m] : memory.table().all()) {
    if (m.owner != Owner::guest) continue;
    const bool shared = (m.flags & MAP_SHARED) != 0;
    const bool of_file = m.file != nullptr && !shared;
    for (u64 at = m.range.begin.value; at < m.range.end.value; at += page_size) {
      if (of_file ? pages.is_of_file(at) : !shared && !pages.exists(at)) continue;
      page.address = at;
      const i64 n =
          raw_syscall(SYS_pread64, static_cast<u64>(self.get()), reinterpret_cast<u64>(page.bytes), page_size, at);
      if (n != static_cast<i64>(page_size)) continue;  // beyond the end of a file
      const bool zero = std::all_of(std::begin(page.bytes), std::end(page.bytes), [](u8 b) { return b == 0; });
      if (!zero || m.file != nullptr) writer.add(page);
    }
  }
  writer.flush();
  if (writer.error() != 0) return fail_errno(writer.error(), "cannot save memory to " + path);
  return {};
}

Result<> load_image(const std::string& path) {
  const auto file = open_file(path.c_str(), O_RDONLY);
  const auto self = open_file("/proc/self/mem", O_RDWR);
  if (!file || !self) return fail_errno(EACCES, "cannot load memory from " + path);
  std::vector<ImagePage> pages(pages_at_once);
  for (u64 offset = 0;;) {
    const i64 n = raw_syscall(SYS_pread64, static_cast<u64>(file.get()), reinterpret_cast<u64>(pages.data()),
                              pages.size() * sizeof(ImagePage), offset);
    if (n < 0) return fail_errno(static_cast<int>(-n), "cannot load memory from " + path);
    if (n == 0) return {};
    const u64 whole = static_cast<u64>(n) / sizeof(ImagePage);
    if (whole == 0) return fail("memory image " + path + " is cut off");
    for (u64 i = 0; i < whole; ++i) {
      const i64 put = raw_syscall(SYS_pwrite64, static_cast<u64>(self.get()), reinterpret_cast<u64>(pages[i].bytes),
                                  page_size, pages[i].address);
      if (put != static_cast<i64>(page_size)) {
        return fail_errno(put < 0 ? static_cast<int>(-put) : EIO, "cannot fill in the memory of " + path);
      }
    }
    offset += whole * sizeof(ImagePage);
  }
}

}  // namespace fred
