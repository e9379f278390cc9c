// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "tar.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "opencv2/core.hpp"
#include "utf8.hpp"

using cv::semcorr::printable;

namespace train {

enum { BLOCK = 512, MAX_EXTENSION = 1 << 20 };
static const int64_t MAX_SIZE = (int64_t)1 << 60;

// A field of a header: octal digits, or a number in base 256 where the first bit is set; -1 if malformed
static int64_t numberIn(const char* field, int length)
{
    int64_t value = 0;
    if ((unsigned char)field[0] & 0x80)
    {
        for (int i = 1; i < length; i++)
        {
            if (value >> 52)
                return -1;
            value = value * 256 + (unsigned char)field[i];
        }
        return value;
    }
    for (int i = 0; i < length && field[i] && field[i] != ' '; i++)
    {
        if (field[i] < '0' || field[i] > '7')
            return -1;
        value = value * 8 + (field[i] - '0');
    }
    return value;
}

static std::string textIn(const char* field, size_t length)
{
    return std::string(field, std::find(field, field + length, '\0'));
}

// A header as the archive has it
struct Header
{
    char bytes[BLOCK];

    bool isValid() const { return textIn(bytes + 257, 5) == "ustar" && size() >= 0; }
    bool isEnd() const { return bytes[0] == 0; }
    int64_t size() const { return numberIn(bytes + 124, 12); }
    char type() const { return bytes[156]; }

    std::string name() const
    {
        const bool posix = bytes[262] == 0;  // GNU has other things in place of the prefix
        const std::string prefix = posix ? textIn(bytes + 345, 155) : std::string();
        return (prefix.empty() ? "" : prefix + "/") + textIn(bytes, 100);
    }
};

// What the entries before a file say of it in place of its header
struct Extension
{
    std::string name;   // empty: nothing
    int64_t size = -1;  // likewise -1
};

// A record of a pax header, "name=value"; false if malformed
static bool readRecord(const std::string& record, Extension& extension)
{
    const size_t equals = record.find('=');
    if (equals == std::string::npos)
        return false;
    const std::string name = record.substr(0, equals), value = record.substr(equals + 1);
    if (name == "path")
        extension.name = value;
    if (name != "size")
        return true;
    char* end = nullptr;
    extension.size = std::strtoll(value.c_str(), &end, 10);
    return !value.empty() && !*end && extension.size >= 0 && extension.size <= MAX_SIZE;
}

// Records "length name=value" of a line each, the length being that of the line; false if malformed
static bool readRecords(const std::string& text, Extension& extension)
{
    for (size_t at = 0; at < text.size();)
    {
        char* end = nullptr;
        const long length = std::strtol(text.c_str() + at, &end, 10);
        const size_t begin = end - text.c_str() + 1;  // behind the blank
        if (*end != ' ' || length < 1 || (size_t)length > text.size() - at || at + length <= begin || text[at + length - 1] != '\n' ||
            !readRecord(text.substr(begin, at + length - 1 - begin), extension))
            return false;
        at += length;
    }
    return true;
}

// One that is listed entry by entry
class Archive
{
public:
    explicit Archive(const std::string& path_) : path(path_), file(path_, std::ios::binary | std::ios::ate)
    {
        total = file ? (int64_t)file.tellg() : 0;
    }

    std::vector<TarFile> list()
    {
        std::vector<TarFile> files;
        Extension extension;
        for (at = 0; at < total;)
        {
            const Header header = readHeader();
            if (header.isEnd())
                break;
            const bool isExtension = header.type() == 'L' || header.type() == 'x';
            const int64_t begin = at + BLOCK, size = extension.size >= 0 && !isExtension ? extension.size : header.size();
            const int64_t next = begin + (size + BLOCK - 1) / BLOCK * BLOCK;
            expectBytes(next);
            if (isExtension)
                extend(extension, header.type(), begin, size);
            else if (header.type() == '0' || header.type() == 0)
                files.push_back(TarFile{ extension.name.empty() ? header.name() : extension.name, begin, size });
            if (!isExtension && header.type() != 'K' && header.type() != 'g')  // a link's long name, and records for all files
                extension = Extension();
            at = next;
        }
        return files;
    }

private:
    void expectBytes(int64_t count) const
    {
        if (total < count)
            CV_Error(cv::Error::StsParseError, cv::format("\"%s\" has %lld bytes, expected at least %lld: the tar file was cut short",
                                                          printable(path).c_str(), (long long)total, (long long)count));
    }

    void expect(bool valid) const
    {
        if (!valid)
            CV_Error(cv::Error::StsParseError, cv::format("\"%s\" is damaged at byte %lld, expected a header of an uncompressed "
                                                          "tar file", printable(path).c_str(), (long long)at));
    }

    std::string read(int64_t begin, int64_t size)
    {
        std::string bytes((size_t)size, '\0');
        file.seekg(begin);
        if (!file.read(&bytes[0], (std::streamsize)size))
            CV_Error(cv::Error::StsError, "\"" + printable(path) + "\" cannot be read to its end");
        return bytes;
    }

    Header readHeader()
    {
        expectBytes(at + BLOCK);
        Header header;
        const std::string bytes = read(at, BLOCK);
        std::copy(bytes.begin(), bytes.end(), header.bytes);
        expect(header.isEnd() || header.isValid());
        return header;
    }

    // GNU's long name, or a pax header
    void extend(Extension& extension, char type, int64_t begin, int64_t size)
    {
        expect(size <= MAX_EXTENSION);
        const std::string content = read(begin, size);
        if (type == 'L')
            extension.name = textIn(content.c_str(), content.size());
        else
            expect(readRecords(content, extension));
    }

    const std::string path;
    std::ifstream file;
    int64_t total, at = 0;  // bytes
};

std::vector<TarFile> listTar(const std::string& path)
{
    return Archive(path).list();
}

}
