// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "pairs_images.hpp"
#include "utf8.hpp"

#include "opencv2/core/utils/filesystem.hpp"
#include <cstring>
#include <fstream>

namespace cv { namespace semcorr {

// Big-endian numbers
static int big16(const uchar* p) { return p[0] << 8 | p[1]; }
static int64 big32(const uchar* p) { return (int64)big16(p) << 16 | big16(p + 2); }

static bool readAt(std::ifstream& file, std::streamoff place, uchar* bytes, size_t size)
{
    file.seekg(place);
    return (bool)file.read(reinterpret_cast<char*>(bytes), (std::streamsize)size);
}

// The frame header is behind any number of other segments, each with its length.
static bool jpegSize(std::ifstream& file, int64& width, int64& height)
{
    uchar head[9];  // marker, length, bits, height, width
    std::streamoff place = 2;
    while (readAt(file, place, head, 4))
    {
        const int marker = head[1];
        if (head[0] != 0xFF)
            return false;
        if (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC)
        {
            if (!readAt(file, place, head, sizeof(head)))
                return false;
            height = big16(head + 5);
            width = big16(head + 7);
            return true;
        }
        place += marker == 0xFF ? 1 : 2 + big16(head + 2);  // any number of 0xFF may precede a marker
    }
    return false;
}

static bool hasExtension(const String& filename, std::initializer_list<const char*> extensions)
{
    const size_t dot = filename.rfind('.');
    const String extension = dot == String::npos ? String() : toLowerCase(filename.substr(dot + 1));
    for (const char* e : extensions)
        if (extension == e)
            return true;
    return false;
}

Size readImageSize(const String& filename)
{
    const int64 longest = 1 << 20;  // as imread takes them
    if (utils::fs::isDirectory(filename) || !utils::fs::exists(filename))
        CV_Error(Error::StsObjectNotFound, format("picture \"%s\" is missing", printable(filename).c_str()));
    std::ifstream file(filename.c_str(), std::ios::binary);
    uchar head[24] = {};
    const bool whole = readAt(file, 0, head, sizeof(head));
    file.clear();
    int64 width = 0, height = 0;
    bool good = whole;
    if (big16(head) == 0xFFD8)
        good = good && jpegSize(file, width, height);
    else if (memcmp(head, "\x89PNG\r\n\x1a\n", 8) == 0)
    {
        good = good && memcmp(head + 12, "IHDR", 4) == 0;
        width = big32(head + 16);
        height = big32(head + 20);
    }
    else if (!hasExtension(filename, { "jpg", "jpeg", "png" }))
        return Size();
    if (!good || width < 1 || height < 1 || width > longest || height > longest)
        CV_Error(Error::StsObjectNotFound, format("picture \"%s\" is damaged", printable(filename).c_str()));
    return Size((int)width, (int)height);
}

}}
