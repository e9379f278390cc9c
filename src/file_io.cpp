// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "file_io.hpp"
#include "utf8.hpp"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sys/stat.h>
#ifdef _WIN32
#ifndef NOMINMAX
#define NOMINMAX
#endif
#include <io.h>
#include <windows.h>
#else
#include <unistd.h>
#endif

namespace cv { namespace semcorr {

String folderOf(const String& path)
{
    return path.substr(0, path.find_last_of("/\\") + 1);
}

// A folder, a device, a pipe: reading may never end, and replacing it would do harm.
static void checkRegular(const String& filename)
{
    struct stat info;
    if (stat(filename.c_str(), &info) == 0 && (info.st_mode & S_IFMT) != S_IFREG)
        CV_Error(Error::StsBadArg, format("\"%s\" is a folder or a device, expected a file", printable(filename).c_str()));
}

std::vector<uchar> loadBytes(const String& filename, size_t limit)
{
    checkRegular(filename);
    std::ifstream file(filename.c_str(), std::ios::binary | std::ios::ate);
    if (!file)
        CV_Error(Error::StsObjectNotFound, format("\"%s\" cannot be opened, expected a readable file",
                                                  printable(filename).c_str()));
    const int64 size = (int64)file.tellg();
    if (size < 0 || size > (int64)limit)
        CV_Error(Error::StsOutOfRange, format("\"%s\" has %lld bytes, expected at most %lld", printable(filename).c_str(),
                                              (long long)size, (long long)limit));
    std::vector<uchar> bytes((size_t)size);
    file.seekg(0);
    if (size > 0 && !file.read(reinterpret_cast<char*>(&bytes[0]), (std::streamsize)size))
        CV_Error(Error::StsError, format("\"%s\" cannot be read to its end", printable(filename).c_str()));
    return bytes;
}

// Past the caches of the operating system, so that the renamed file is not an empty one after a power cut
static bool flushToDisk(FILE* file)
{
#ifdef _WIN32
    return fflush(file) == 0 && _commit(_fileno(file)) == 0;
#else
    return fflush(file) == 0 && fsync(fileno(file)) == 0;
#endif
}

static bool replaceFile(const String& from, const String& to)
{
#ifdef _WIN32
    if (MoveFileExA(from.c_str(), to.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
        return true;
    errno = EACCES;
    return false;
#else
    return std::rename(from.c_str(), to.c_str()) == 0;
#endif
}

static void cannotWrite(const String& filename, int error)
{
    CV_Error(Error::StsError, format("\"%s\" cannot be written: %s", printable(filename).c_str(),
                                     printable(std::strerror(error)).c_str()));
}

void saveBytes(const String& filename, const String& content)
{
    static std::atomic<unsigned> counter(0);
    if (filename.empty())
        CV_Error(Error::StsBadArg, "the file name is empty, expected one to write to");
    checkRegular(filename);
    // a rename replaces a file at once only within one folder
    const String temporary = folderOf(filename) + format(".semcorr-%llx-%x.tmp", (unsigned long long)getTickCount(), counter++);
    FILE* const file = fopen(temporary.c_str(), "wbx");  // x: never through a file or link that is there already
    if (!file)
        cannotWrite(filename, errno);
    bool done = fwrite(content.c_str(), 1, content.size(), file) == content.size() && flushToDisk(file);
    int error = errno;
    if (fclose(file) != 0 && done)
    {
        done = false;
        error = errno;
    }
    if (done && !replaceFile(temporary, filename))
    {
        done = false;
        error = errno;
    }
    if (!done)
    {
        std::remove(temporary.c_str());
        cannotWrite(filename, error);
    }
}

}}
