// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "photos.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "opencv2/imgcodecs.hpp"
#include "file_io.hpp"
#include "utf8.hpp"

using cv::semcorr::printable;

namespace train {

static const size_t MAX_PICTURE = 1 << 28;  // bytes of a file

static bool isPictureName(const std::string& name)
{
    const size_t dot = name.find_last_of('.');
    if (dot == std::string::npos)
        return false;
    std::string ending = name.substr(dot + 1);
    std::transform(ending.begin(), ending.end(), ending.begin(), [](unsigned char c) { return (char)std::tolower(c); });
    return ending == "jpg" || ending == "jpeg" || ending == "png" || ending == "bmp" || ending == "webp";
}

Photos::Photos(const std::string& path_, int most) : path(path_), isArchive(false)
{
    if (!std::filesystem::exists(path))
        CV_Error(cv::Error::StsObjectNotFound, "--photos: \"" + printable(path) + "\" does not exist, expected a folder or a .tar "
                                                "file");
    isArchive = !std::filesystem::is_directory(path);
    isArchive ? listArchive() : listFolder();
    if (files.empty())
        CV_Error(cv::Error::StsObjectNotFound, "--photos: \"" + printable(path) + "\" holds no picture, expected some .jpg or .png "
                                                "files");
    std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.name < b.name; });
    if (most > 0 && (size_t)most < files.size())
        files.resize(most);
}

void Photos::listFolder()
{
    for (const std::filesystem::directory_entry& entry : std::filesystem::recursive_directory_iterator(path))
        if (entry.is_regular_file() && isPictureName(entry.path().string()))
            files.push_back(File{ entry.path().string(), 0, -1 });
}

// A field of a tar header: octal digits, or a number in base 256 where the first bit is set; -1 if malformed
static int64_t tarNumber(const char* field, int length)
{
    int64_t value = 0;
    if ((unsigned char)field[0] & 0x80)
    {
        for (int i = 1; i < length; i++)
        {
            if (value >> 54)
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

static std::string tarText(const char* field, size_t length)
{
    return std::string(field, std::find(field, field + length, '\0'));
}

// POSIX ustar. Long names of other dialects are cut, which does no harm here.
void Photos::listArchive()
{
    enum { BLOCK = 512, SIZE = 124, TYPE = 156, MAGIC = 257, PREFIX = 345 };
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    const int64_t total = file ? (int64_t)file.tellg() : -1;
    char header[BLOCK];
    for (int64_t at = 0; at + BLOCK <= total;)
    {
        file.seekg(at);
        file.read(header, BLOCK);
        if (file && header[0] == 0)
            return;  // the end mark
        const int64_t size = tarNumber(header + SIZE, 12);
        if (!file || std::string(header + MAGIC, 5) != "ustar" || size < 0 || size > total - at - BLOCK)
            CV_Error(cv::Error::StsParseError, cv::format("\"%s\" is damaged at byte %lld, expected a header of an uncompressed "
                                                          "tar file", printable(path).c_str(), (long long)at));
        const std::string prefix = tarText(header + PREFIX, 155), name = tarText(header, 100);
        const std::string whole = prefix.empty() ? name : prefix + "/" + name;
        if ((header[TYPE] == '0' || header[TYPE] == 0) && isPictureName(whole))
            files.push_back(File{ whole, at + BLOCK, size });
        at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    }
    if (files.empty())
        CV_Error(cv::Error::StsParseError, "\"" + printable(path) + "\" cannot be read, expected an uncompressed tar file");
}

std::string Photos::name(size_t i) const
{
    return isArchive ? path + ":" + files[i].name : files[i].name;
}

std::vector<uchar> Photos::bytes(size_t i) const
{
    if (!isArchive)
        return cv::semcorr::loadBytes(files[i].name, MAX_PICTURE);
    std::vector<uchar> bytes((size_t)files[i].size);
    std::ifstream file(path, std::ios::binary);
    file.seekg(files[i].offset);
    if (!file.read(reinterpret_cast<char*>(bytes.data()), (std::streamsize)bytes.size()))
        CV_Error(cv::Error::StsError, "\"" + printable(name(i)) + "\" cannot be read to its end");
    return bytes;
}

cv::Mat decodePicture(const std::vector<uchar>& bytes, const std::string& name)
{
    const cv::Mat image = bytes.empty() ? cv::Mat() : cv::imdecode(bytes, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
    if (image.empty())
        CV_Error(cv::Error::StsParseError, "\"" + printable(name) + "\" cannot be decoded, expected a picture");
    return image;
}

}
