// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "pairs.hpp"
#include "pairs_images.hpp"
#include "utf8.hpp"

#include "opencv2/core/utils/filesystem.hpp"

namespace cv { namespace semcorr {

PairSource::PairSource(const String& root_, std::vector<String>* problems_) : root(root_), problems(problems_)
{
    if (!utils::fs::isDirectory(root))
        CV_Error(Error::StsObjectNotFound, format("\"%s\" is no folder, expected the root of the data set",
                                                  printable(root).c_str()));
}

String PairSource::path(const String& relative) const
{
    return utils::fs::join(root, relative);
}

String PairSource::firstOf(const std::vector<String>& candidates) const
{
    for (size_t i = 0; i < candidates.size(); i++)
        if (utils::fs::exists(path(candidates[i])))
            return path(candidates[i]);
    return path(candidates[0]);
}

String PairSource::find(const std::vector<String>& candidates) const
{
    const String found = firstOf(candidates);
    if (utils::fs::exists(found))
        return found;
    String others;
    for (size_t i = 1; i < candidates.size(); i++)
        others += (i > 1 ? ", " : " (or ") + candidates[i];
    CV_Error(Error::StsObjectNotFound, format("\"%s\"%s is missing", printable(found).c_str(),
                                              others.empty() ? "" : printable(others + ")").c_str()));
}

void PairSource::report(const String& place, const Exception& problem)
{
    const String text = printable(place) + ": " + problem.err;
    if (!problems)
        cv::error(problem.code, text, "readPairs", __FILE__, __LINE__);
    // a picture may be missing in hundreds of lines
    if (problem.code != Error::StsObjectNotFound || missing.insert(problem.err).second)
        problems->push_back(text);
}

void PairSource::readSize(const String& image, Size& size)
{
    const std::map<String, Size>::const_iterator known = sizes.find(image);
    const Size found = known != sizes.end() ? known->second : readImageSize(image);
    sizes[image] = found;
    if (!size.empty() && !found.empty() && size != found)
        CV_Error(Error::StsUnmatchedSizes, format("picture \"%s\" has %d x %d pixels, expected %d x %d as annotated",
                                                  printable(image).c_str(), found.width, found.height, size.width, size.height));
    if (size.empty())
        size = found;
}

static void mirror(Mat& points, Rect2d& box, const Size& size)
{
    if (size.empty())
        CV_Error(Error::StsBadSize, "the size of a picture that is to be mirrored is unknown, expected a JPEG or PNG file");
    for (int i = 0; i < points.rows; i++)
    {
        Point2f& p = points.at<Point2f>(i);
        p.x = (float)(size.width - 1) - p.x;
    }
    if (!box.empty())
        box.x = size.width - 1 - (box.x + box.width);
}

bool PairSource::attempt(const String& place, const std::function<void()>& step)
{
    try
    {
        step();
        return true;
    }
    catch (const Exception& e)
    {
        report(place, e);
        return false;
    }
}

void PairSource::add(const String& place, const std::function<void(ImagePair&)>& read, bool annotated)
{
    ImagePair pair;
    bool good = attempt(place, [&]() {
        read(pair);
        if (annotated && pair.points1.empty() && pair.flow.empty())
            CV_Error(Error::StsParseError, "no keypoint is visible in both pictures");
    });
    if (pair.image2.empty())
        return;  // of a malformed line
    good = attempt(place, [&]() { readSize(pair.image1, pair.size1); }) && good;
    good = attempt(place, [&]() { readSize(pair.image2, pair.size2); }) && good;
    if (good && pair.flip1)
        good = attempt(place, [&]() { mirror(pair.points1, pair.box1, pair.size1); });
    if (good && pair.flip2)
        good = attempt(place, [&]() { mirror(pair.points2, pair.box2, pair.size2); });
    if (good)
        pairs.push_back(pair);
}

std::vector<ImagePair> PairSource::finish(const String& split)
{
    if (pairs.empty() && (!problems || problems->empty()))
        CV_Error(Error::StsParseError, format("\"%s\": split \"%s\" holds no pairs", printable(root).c_str(),
                                              printable(split).c_str()));
    std::map<String, int> uses;
    for (size_t i = 0; i < pairs.size(); i++)
    {
        const int use = ++uses[pairs[i].id];
        if (use > 1)
            pairs[i].id += format("#%d", use);
    }
    return pairs;
}

String checkSplit(const String& split, const std::vector<String>& allowed)
{
    const String name = split == "trn" ? String("train") : split;
    String list;
    for (size_t i = 0; i < allowed.size(); i++)
    {
        if (name == allowed[i])
            return name;
        list += (i == 0 ? "\"" : i + 1 == allowed.size() ? " or \"" : ", \"") + allowed[i] + "\"";
    }
    CV_Error(Error::StsBadArg, format("split is \"%s\", expected %s", printable(split).c_str(), list.c_str()));
}

String fileName(const String& path)
{
    return path.substr(path.find_last_of("/\\") + 1);
}

String folderName(const String& path)
{
    const size_t end = path.find_last_of("/\\");
    return end == String::npos ? String() : fileName(path.substr(0, end));
}

Rect2d boxOf(const Vec4d& corners)
{
    if (!(corners[2] >= corners[0] && corners[3] >= corners[1]))
        CV_Error(Error::StsParseError, format("the box is (%g, %g, %g, %g), expected xmin, ymin, xmax, ymax", corners[0],
                                              corners[1], corners[2], corners[3]));
    return Rect2d(corners[0], corners[1], corners[2] - corners[0], corners[3] - corners[1]);
}

String pairId(const String& name1, const String& name2)
{
    return name1 + ":" + name2;
}

void addKeypoint(ImagePair& pair, const Point2f& p1, const Point2f& p2)
{
    const float farthest = 1e6f;
    const Point2f both[] = { p1, p2 };
    bool visible = true;
    for (const Point2f& p : both)
    {
        const bool none = cvIsNaN(p.x) && cvIsNaN(p.y);
        if (!none && !(std::abs(p.x) <= farthest && std::abs(p.y) <= farthest))
            CV_Error(Error::StsParseError, format("a keypoint is at (%g, %g), expected two numbers, in pixels, or none",
                                                  p.x, p.y));
        visible = visible && !none;
    }
    if (!visible)
        return;
    pair.points1.push_back(p1);
    pair.points2.push_back(p2);
}

struct DatasetReader
{
    const char* name;
    void (*read)(PairSource& source, const String& split);
};

static std::vector<ImagePair> readDataset(const String& dataset, const String& root, const String& split,
                                          std::vector<String>* problems)
{
    static const DatasetReader readers[] = { { "csv", readCsvPairs },
                                             { "images", readImagePairs },
                                             { "pfpascal", readPFPascalPairs },
                                             { "pfwillow", readPFWillowPairs },
                                             { "spair", readSPairPairs },
                                             { "tss", readTSSPairs } };
    for (const DatasetReader& reader : readers)
    {
        if (dataset == reader.name)
        {
            PairSource source(root, problems);
            reader.read(source, split);
            return source.finish(split);
        }
    }
    CV_Error(Error::StsBadArg, format("dataset is \"%s\", expected \"csv\", \"images\", \"pfpascal\", \"pfwillow\", \"spair\" or \"tss\"",
                                      printable(dataset).c_str()));
}

void readPairs(const String& dataset, const String& root, const String& split, std::vector<ImagePair>& pairs)
{
    pairs = readDataset(dataset, root, split, NULL);
}

std::vector<String> checkDataset(const String& dataset, const String& root, const String& split)
{
    std::vector<String> problems;
    try
    {
        readDataset(dataset, root, split, &problems);
    }
    catch (const Exception& e)
    {
        if (e.code == Error::StsBadArg)
            throw;  // no problem of the data set
        problems.push_back(e.err);
    }
    return problems;
}

}}
