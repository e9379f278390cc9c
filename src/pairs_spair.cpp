// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "pairs.hpp"
#include "pairs_text.hpp"
#include "file_io.hpp"
#include "utf8.hpp"

namespace cv { namespace semcorr {

// One file of PairAnnotation/
class SPairAnnotation
{
public:
    explicit SPairAnnotation(const String& filename_) : filename(filename_)
    {
        // FileStorage's parser calls itself for every open bracket and ends the process on files that have too many
        const size_t largest = 1 << 20, brackets = 1 << 12;
        const std::vector<uchar> bytes = loadBytes(filename, largest);
        const size_t opened = std::count(bytes.begin(), bytes.end(), '[') + std::count(bytes.begin(), bytes.end(), '{');
        const String text(bytes.begin(), bytes.end());
        try
        {
            if (opened > brackets || !storage.open(text, FileStorage::READ | FileStorage::MEMORY | FileStorage::FORMAT_JSON))
                fail("the file", "valid JSON");
        }
        catch (const Exception&)
        {
            fail("the file", "valid JSON");  // the parser's own text quotes the whole file
        }
    }

    String text(const char* key) const
    {
        const FileNode node = storage[key];
        if (!node.isString())
            fail(key, "a text");
        return (String)node;
    }

    // Levels are known up to 3; the file decides.
    int level(const char* key) const
    {
        const int last = 9;
        const FileNode node = storage[key];
        if (!node.isInt() || (int)node < 0 || (int)node > last)
            fail(key, format("an integer in [0, %d]", last));
        return (int)node;
    }

    bool has(const char* key) const { return !storage[key].empty(); }

    Vec4d box(const char* key) const
    {
        const std::vector<double> v = numbers(storage[key], key, 4);
        return Vec4d(v[0], v[1], v[2], v[3]);
    }

    // The file says width, height, channels.
    Size size(const char* key) const
    {
        const std::vector<double> v = numbers(storage[key], key, 3);
        const double longest = 1 << 20;
        if (!(v[0] >= 1 && v[1] >= 1 && v[0] <= longest && v[1] <= longest))
            fail(key, "width, height and channels");
        return Size((int)v[0], (int)v[1]);
    }

    std::vector<Point2f> points(const char* key) const
    {
        const FileNode node = storage[key];
        if (!node.isSeq())
            fail(key, "a list of points");
        std::vector<Point2f> result;
        for (FileNodeIterator it = node.begin(); it != node.end(); ++it)
        {
            const std::vector<double> v = numbers(*it, key, 2);
            result.push_back(Point2f((float)v[0], (float)v[1]));
        }
        return result;
    }

    CV_NORETURN void fail(const char* key, const String& expected) const
    {
        CV_Error(Error::StsParseError, format("\"%s\": %s is not as expected: %s", printable(filename).c_str(), key,
                                              expected.c_str()));
    }

private:
    std::vector<double> numbers(const FileNode& node, const char* key, size_t count) const
    {
        if (!node.isSeq() || node.size() != count)
            fail(key, format("%d numbers", (int)count));
        std::vector<double> result;
        for (FileNodeIterator it = node.begin(); it != node.end(); ++it)
        {
            const FileNode number = *it;
            if (!number.isInt() && !number.isReal())
                fail(key, format("%d numbers", (int)count));
            result.push_back((double)number);
        }
        return result;
    }

    const String filename;
    FileStorage storage;
};

static void readAnnotation(ImagePair& pair, const SPairAnnotation& annotation)
{
    pair.category = annotation.text("category");
    pair.viewpoint = annotation.level("viewpoint_variation");
    pair.scale = annotation.level("scale_variation");
    pair.truncation = annotation.level("truncation");
    pair.occlusion = annotation.level("occlusion");
    pair.mirror = annotation.has("mirror") ? annotation.level("mirror") : -1;
    pair.size1 = annotation.size("src_imsize");
    pair.size2 = annotation.size("trg_imsize");
    pair.box1 = boxOf(annotation.box("src_bndbox"));
    pair.box2 = boxOf(annotation.box("trg_bndbox"));
    const std::vector<Point2f> points1 = annotation.points("src_kps"), points2 = annotation.points("trg_kps");
    if (points1.size() != points2.size())
        annotation.fail("trg_kps", format("%d points, as many as src_kps", (int)points1.size()));
    for (size_t i = 0; i < points1.size(); i++)
        addKeypoint(pair, points1[i], points2[i]);
}

// "small/val": layout and part; large by default
static String layoutOf(const String& split, String& part)
{
    const size_t slash = split.find('/');
    const String layout = slash == String::npos ? String("large") : split.substr(0, slash);
    part = checkSplit(slash == String::npos ? split : split.substr(slash + 1), { "train", "val", "test" });
    if (part == "train")
        part = "trn";
    if (layout != "large" && layout != "small")
        CV_Error(Error::StsBadArg, format("split is \"%s\", expected the layout \"large\" or \"small\" before the slash",
                                          printable(split).c_str()));
    return layout;
}

void readSPairPairs(PairSource& source, const String& split)
{
    String part;
    const String layout = layoutOf(split, part);
    const std::vector<TextLine> lines = readLines(source.find({ "Layout/" + layout + "/" + part + ".txt" }));
    for (const TextLine& line : lines)
        source.add(line.place, [&](ImagePair& pair) {
            const size_t colon = line.text.find(':');
            if (colon == String::npos || line.text.find_first_of("/\\") != String::npos)
                CV_Error(Error::StsParseError, format("\"%s\" names no pair, expected number-name1-name2:class",
                                                      printable(line.text).c_str()));
            // no file name of Windows has a colon
            const String folder = "PairAnnotation/" + part + "/", name = line.text;
            const String plain = name.substr(0, colon) + "_" + name.substr(colon + 1);
            const SPairAnnotation annotation(source.find({ folder + name + ".json", folder + plain + ".json" }));
            readAnnotation(pair, annotation);
            const String pictures = "JPEGImages/" + pair.category + "/";
            pair.id = name;
            pair.image1 = source.path(pictures + annotation.text("src_imname"));
            pair.image2 = source.path(pictures + annotation.text("trg_imname"));
        });
}

}}
