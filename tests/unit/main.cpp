// All unit tests run in a folder of their own: some of the guests that they record write where they are.
#define DOCTEST_CONFIG_IMPLEMENT
#include <unistd.h>

#include "tests/unit/temporary_folder.h"

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  std::string path = std::filesystem::temp_directory_path() / "fred-unit-XXXXXX";
  if (mkdtemp(path.data()) == nullptr || chdir(path.c_str()) != 0) {
    std::perror(path.c_str());
    return 1;
  }
  const int status = context.run();
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
  return status;
}
