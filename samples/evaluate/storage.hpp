// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// What the evaluation keeps: files written completely or not at all, features of pictures, the journal of a run

#ifndef OPENCV_SEMCORR_SAMPLES_EVALUATE_STORAGE_HPP
#define OPENCV_SEMCORR_SAMPLES_EVALUATE_STORAGE_HPP

#include <climits>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <list>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>
#include "opencv2/core.hpp"
#include "opencv2/core/utils/filesystem.hpp"
#include "opencv2/imgcodecs.hpp"
#include "opencv2/semcorr.hpp"
#ifdef _WIN32
#include <io.h>
#else
#include <unistd.h>
#endif

namespace evaluate {

using namespace cv;

// False where the file cannot be read
inline bool readFile(const std::string& path, std::string& content)
{
    std::ifstream file(path.c_str(), std::ios::binary);
    content.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    return file.is_open() && !file.bad();
}

inline std::string sha256OfFile(const std::string& path)
{
    std::string content;
    if (!readFile(path, content))
        throw std::runtime_error("cannot read " + path);
    return semcorr::sha256(content.data(), content.size());
}

// Past the caches of the operating system
inline bool flush(FILE* file)
{
#ifdef _WIN32
    return fflush(file) == 0 && _commit(_fileno(file)) == 0;
#else
    return fflush(file) == 0 && fsync(fileno(file)) == 0;
#endif
}

// Whoever reads the file finds the old content or the new one, whenever this is interrupted.
inline void writeFile(const std::string& path, const std::string& content)
{
    const std::string temporary = path + format(".%llx.tmp", (unsigned long long)getTickCount());
    FILE* const file = fopen(temporary.c_str(), "wb");
    bool done = file && fwrite(content.data(), 1, content.size(), file) == content.size() && flush(file);
    done = file && fclose(file) == 0 && done;
#ifdef _WIN32
    std::remove(path.c_str());  // there, rename replaces nothing
#endif
    if (!done || std::rename(temporary.c_str(), path.c_str()) != 0)
    {
        std::remove(temporary.c_str());
        throw std::runtime_error("cannot write " + path);
    }
}

inline void makeFolder(const std::string& path)
{
    if (!utils::fs::createDirectories(path))
        throw std::runtime_error("cannot make the folder " + path);
}

// Coordinates of data sets are those of the picture as stored, so it is not turned by its Exif orientation.
inline Mat readPicture(const std::string& path, bool mirrored)
{
    Mat image = imread(path, IMREAD_COLOR | IMREAD_IGNORE_ORIENTATION);
    if (image.empty())
        throw std::runtime_error("cannot read the picture " + path);
    if (mirrored)
        flip(image, image, 1);
    return image;
}

struct Features
{
    Mat values;  // h×w×C
    Size size;   // of the picture
};

// The features of a backbone: those of the last pictures in memory, all of them in a folder if one is given
class FeatureCache
{
public:
    FeatureCache(size_t limit_, const std::string& folder_) : limit(limit_), used(0), folder(folder_)
    {
        if (!folder.empty())
            makeFolder(folder);
    }

    // id: tells the net and its settings from all others
    Features get(const std::string& picture, bool mirrored, semcorr::FeatureNet& net, const std::string& id)
    {
        const std::string key = picture + (mirrored ? "\nmirrored\n" : "\n") + id;
        const std::map<std::string, Entries::iterator>::iterator found = index.find(key);
        if (found != index.end())
        {
            entries.splice(entries.begin(), entries, found->second);
            return entries.front().second;
        }
        const Features features = folder.empty() ? compute(picture, mirrored, net) : load(picture, mirrored, net, id);
        entries.push_front(std::make_pair(key, features));
        index[key] = entries.begin();
        used += bytesOf(features);
        while (used > limit)  // perhaps the new ones, too
        {
            used -= bytesOf(entries.back().second);
            index.erase(entries.back().first);
            entries.pop_back();
        }
        return features;
    }

private:
    typedef std::list<std::pair<std::string, Features> > Entries;  // the last used first

    static size_t bytesOf(const Features& f) { return f.values.total() * sizeof(float); }

    static Features compute(const std::string& picture, bool mirrored, semcorr::FeatureNet& net)
    {
        const Mat image = readPicture(picture, mirrored);
        Features features;
        features.size = image.size();
        net.compute(image, features.values);
        return features;
    }

    // A file is named after all that its content depends on: the bytes of the picture, and the net.
    Features load(const std::string& picture, bool mirrored, semcorr::FeatureNet& net, const std::string& id) const
    {
        const std::string key = sha256OfFile(picture) + (mirrored ? "\nmirrored\n" : "\n") + id;
        const std::string path = folder + "/" + semcorr::sha256(key.data(), key.size()) + ".features";
        std::string content;
        Features features;
        if (readFile(path, content) && unpack(content, features))
            return features;
        features = compute(picture, mirrored, net);
        writeFile(path, pack(features));
        return features;
    }

    // int32 width, height, h, w, C; h·w·C float32; SHA-256 of all this
    enum { HEADER = 5, DIGITS = 64 };

    static std::string pack(const Features& f)
    {
        const int header[HEADER] = { f.size.width, f.size.height, f.values.size[0], f.values.size[1], f.values.size[2] };
        std::string content(reinterpret_cast<const char*>(header), sizeof(header));
        content.append(f.values.ptr<char>(), bytesOf(f));
        return content + semcorr::sha256(content.data(), content.size());
    }

    static bool unpack(const std::string& content, Features& f)
    {
        int header[HEADER];
        if (content.size() < sizeof(header) + DIGITS)
            return false;
        const size_t body = content.size() - DIGITS;
        if (semcorr::sha256(content.data(), body) != content.substr(body))
            return false;
        std::memcpy(header, content.data(), sizeof(header));
        f.size = Size(header[0], header[1]);
        f.values.create(3, header + 2, CV_32F);
        if (bytesOf(f) != body - sizeof(header))
            return false;
        std::memcpy(f.values.data, content.data() + sizeof(header), bytesOf(f));
        return true;
    }

    const size_t limit;  // bytes in memory
    size_t used;
    const std::string folder;
    Entries entries;
    std::map<std::string, Entries::iterator> index;
};

// The shortest decimal number that is read back as the same one
inline std::string shortest(double value, bool isFloat = false)
{
    for (int digits = isFloat ? 6 : 15;; digits++)
    {
        const std::string text = format("%.*g", digits, value);
        const double back = std::strtod(text.c_str(), 0);
        if (digits == 17 || (isFloat ? (float)back == (float)value : back == value))
            return text;
    }
}

// What is done of a run: the first line says which run, then comes a line for each pair in order, [number, value, ...].
// Whenever the program is killed, the lines before the last one are whole.
class Journal
{
public:
    // path: empty for no journal. `lengths` is the number of values of each pair. Resumed, `values` has those found.
    Journal(const std::string& path_, const std::string& run, bool resume, const std::vector<size_t>& lengths,
            std::vector<std::vector<float> >& values) : path(path_), file(0), unsaved(0)
    {
        if (path.empty())
            return;
        std::string content;
        readFile(path, content);
        const size_t first = content.find('\n') + 1;  // 0: not even the first line is whole
        if (!resume && first > 0 && first < content.size())
            throw std::runtime_error(path + " holds what an interrupted run has done: go on with --resume, or delete it");
        const std::string whole = resume && first > 0 ? recover(content, run, lengths, values) : run + "\n";
        writeFile(path, whole);
        file = fopen(path.c_str(), "ab");
        if (!file)
            throw std::runtime_error("cannot write " + path);
    }

    ~Journal()
    {
        if (file)
            fclose(file);
    }

    void add(size_t pair, const std::vector<float>& values)
    {
        if (!file)
            return;
        const std::string line = toLine(pair, values);
        unsaved = (unsaved + 1) % BLOCK;
        const bool done = fwrite(line.data(), 1, line.size(), file) == line.size() && (unsaved ? fflush(file) == 0 : flush(file));
        if (!done)
            throw std::runtime_error("cannot write " + path);
    }

private:
    enum { BLOCK = 32 };  // lines that a power cut may cost; a killed program loses none

    Journal(const Journal&);
    Journal& operator=(const Journal&);

    static std::string toLine(size_t pair, const std::vector<float>& values)
    {
        std::string line = format("[%d", (int)pair);
        for (size_t i = 0; i < values.size(); i++)
            line += ", " + shortest(values[i], true);
        return line + "]\n";
    }

    static bool fromLine(const std::string& line, size_t pair, size_t length, std::vector<float>& values)
    {
        std::vector<double> numbers;
        const char* p = line.c_str();
        if (*p != '[')
            return false;
        do
        {
            char* end;
            numbers.push_back(std::strtod(p + 1, &end));
            if (end == p + 1)
                return false;
            p = end;
        } while (*p == ',');
        values.assign(numbers.begin() + 1, numbers.end());
        return std::strcmp(p, "]") == 0 && numbers[0] == (double)pair && values.size() == length;
    }

    // The whole lines of a journal, up to the first that is damaged
    std::string recover(const std::string& content, const std::string& run, const std::vector<size_t>& lengths,
                        std::vector<std::vector<float> >& values) const
    {
        size_t begin = content.find('\n') + 1;
        if (content.substr(0, begin) != run + "\n")
            throw std::runtime_error(path + " is of another run, expected one with the same options, model and data.\n  there: " +
                                     content.substr(0, begin) + "  here:  " + run);
        while (values.size() < lengths.size())
        {
            const size_t end = content.find('\n', begin);
            std::vector<float> found;
            if (end == std::string::npos ||
                !fromLine(content.substr(begin, end - begin), values.size(), lengths[values.size()], found))
                break;
            values.push_back(found);
            begin = end + 1;
        }
        return content.substr(0, begin);
    }

    const std::string path;
    FILE* file;
    int unsaved;
};

}

#endif
