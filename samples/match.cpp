// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// Matches pairs of pictures and writes what there is to see: matches, warped picture, overlay, flow, confidence; and where marked
// points come out.

#include <cstdio>
#include <iostream>
#include "opencv2/core.hpp"
#include "opencv2/core/utils/filesystem.hpp"
#include "opencv2/imgcodecs.hpp"
#include "opencv2/imgproc.hpp"
#include "opencv2/semcorr.hpp"
#include "draw.hpp"
#include "nearest_neighbours.hpp"

using namespace cv;

static const char* usage =
    "usage: example_semcorr_match [options] IMAGE1 IMAGE2 [IMAGE1 IMAGE2 ...]\n"
    "       example_semcorr_match [options] --points=CSV\n\n"
    "Finds for each pixel of IMAGE1 the same part in IMAGE2 and draws the result. The warped picture is drawn with a flow\n"
    "smoothed by confidence, the flow itself and the matches as they were found.\n\n"
    "  --model=FILE                    a model of Matcher::save        (default: the built-in one)\n"
    "  --mode=auto|dense|patchmatch    how to search                   (default: auto)\n"
    "  --out=DIR                       where the pictures go           (default: match_out)\n"
    "  --compare                       also nearest neighbours of the embedded backbone's features beside the matches\n"
    "  --points=CSV                    pairs of pictures, beside this file, with points marked in both: the share of them that\n"
    "                                  nearest neighbours and this matcher carry to their places, and a picture, points.png\n"
    "  --progress                      with --mode=patchmatch, also the flow after 0 to 20 passes: above from the usual start,\n"
    "                                  below from random targets\n"
    "  --help                          this text\n";

struct Options
{
    std::vector<std::string> images;
    std::string model, points, out = "match_out";
    int mode = semcorr::SEARCH_AUTO;
    bool help = false, compare = false, progress = false;
};

static int searchMode(const std::string& name)
{
    if (name == "auto")
        return semcorr::SEARCH_AUTO;
    if (name == "dense")
        return semcorr::SEARCH_DENSE_4D;
    if (name == "patchmatch")
        return semcorr::SEARCH_PATCHMATCH;
    throw std::runtime_error("--mode=" + name + ": expected auto, dense or patchmatch");
}

static Options parse(int argc, char** argv)
{
    Options options;
    for (int i = 1; i < argc; i++)
    {
        const std::string arg = argv[i], key = arg.substr(0, arg.find('='));
        const std::string value = key.size() < arg.size() ? arg.substr(key.size() + 1) : "";
        if (arg == "--help" || arg == "-h")
            options.help = true;
        else if (arg == "--compare")
            options.compare = true;
        else if (arg == "--progress")
            options.progress = true;
        else if (arg.compare(0, 1, "-") != 0)
            options.images.push_back(arg);
        else if (key != "--model" && key != "--mode" && key != "--points" && key != "--out")
            throw std::runtime_error("unknown option " + arg + "; see --help");
        else if (value.empty())
            throw std::runtime_error(key + " needs a value: " + key + "=...");
        else if (key == "--mode")
            options.mode = searchMode(value);
        else
            (key == "--model" ? options.model : key == "--points" ? options.points : options.out) = value;
    }
    if (options.progress && options.mode != semcorr::SEARCH_PATCHMATCH)
        throw std::runtime_error("--progress needs --mode=patchmatch");
    const bool nothing = options.images.empty() && options.points.empty();
    if (!options.help && (nothing || options.images.size() % 2))
        throw std::runtime_error(format("%d pictures given, expected one or more pairs, or --points; see --help",
                                        (int)options.images.size()));
    if (options.images.empty() && (options.compare || options.progress))
        throw std::runtime_error("--compare and --progress need pictures IMAGE1 and IMAGE2");
    return options;
}

static Mat readImage(const std::string& path, int flags = IMREAD_COLOR)
{
    const Mat image = imread(path, flags);
    if (image.empty())
        throw std::runtime_error("cannot read the picture " + path);
    return image;
}

static std::string stem(const std::string& path)
{
    const std::string name = path.substr(path.find_last_of("/\\") + 1);
    return name.substr(0, name.rfind('.'));
}

static void write(const std::string& file, const Mat& picture)
{
    if (!imwrite(file, picture))
        throw std::runtime_error("cannot write " + file);
}

static Mat warp(const Mat& image2, const Mat& flow, const Mat& confidence)
{
    Mat warped;
    remap(image2, warped, draw::smoothFlow(flow, confidence), noArray(), INTER_LINEAR | WARP_RELATIVE_MAP, BORDER_REPLICATE);
    return warped;
}

// Matches one pair, writes its pictures as DIR/NAME_matches.png and so on, and returns its row of the contact sheet.
static std::vector<Mat> matchPair(semcorr::Matcher& matcher, const Mat& image1, const Mat& image2, const std::string& prefix)
{
    Mat flow, confidence, overlay;
    matcher.match(image1, image2, flow, confidence);
    const Mat warped = warp(image2, flow, confidence);
    addWeighted(image1, 0.5, warped, 0.5, 0, overlay);

    const char* names[] = { "matches", "warp", "overlay", "flow", "confidence" };
    const Mat pictures[] = { draw::matches(image1, image2, flow, confidence, Size(480, 480)), warped, overlay,
                             draw::flowColors(flow), draw::confidenceColors(confidence) };
    std::vector<Mat> row = { draw::fit(image1, Size(480, 480)), draw::fit(image2, Size(480, 480)) };
    for (int i = 0; i < 5; i++)
    {
        write(prefix + "_" + names[i] + ".png", pictures[i]);
        row.push_back(i == 0 ? pictures[i] : draw::fit(pictures[i], Size(480, 480)));
    }
    return row;
}

// Flows after some numbers of passes, each by a search of its own that ends there
static std::vector<Mat> flowsAfter(semcorr::Matcher& matcher, semcorr::Matcher::Params params, const std::vector<int>& passes,
                                   const Mat& image1, const Mat& image2)
{
    std::vector<Mat> flows(passes.size());
    for (size_t i = 0; i < passes.size(); i++)
    {
        params.iterations = passes[i];
        matcher.setParams(params);
        matcher.match(image1, image2, flows[i]);
    }
    return flows;
}

// The flow to whole cells after more and more passes of PatchMatch, from left to right. Above from the start that the matcher has,
// which passes change little; below from random targets and with random search, where one sees it converge.
static Mat progress(semcorr::Matcher& matcher, const Mat& image1, const Mat& image2)
{
    const std::vector<int> passes = { 0, 1, 2, 3, 4, 5, 10, 20 };
    const semcorr::Matcher::Params all = matcher.getParams();
    semcorr::Matcher::Params params = all;
    params.refine = semcorr::REFINE_NONE;
    std::vector<std::vector<Mat> > rows = { flowsAfter(matcher, params, passes, image1, image2) };
    params.init = semcorr::INIT_RANDOM;
    params.randomSearch = true;
    rows.push_back(flowsAfter(matcher, params, passes, image1, image2));
    matcher.setParams(all);

    const double reach = norm(rows[0].back(), NORM_INF);  // of a coordinate, which is enough for colours
    for (std::vector<Mat>& row : rows)
        for (Mat& flow : row)
            flow = draw::flowColors(flow, reach);
    std::vector<std::string> titles;
    for (int n : passes)
        titles.push_back(n == 0 ? "start" : format("%d pass%s", n, n > 1 ? "es" : ""));
    return draw::contactSheet(rows, titles, 240);
}

// Matches and warped picture of one pair by nearest neighbours and by the matcher, which both check the way back
static std::vector<Mat> comparePair(semcorr::Matcher& nearest, semcorr::Matcher& matcher, const Mat& image1, const Mat& image2)
{
    std::vector<Mat> row;
    for (semcorr::Matcher* m : { &nearest, &matcher })
    {
        Mat flow, confidence;
        m->match(image1, image2, flow, confidence);
        row.push_back(draw::matches(image1, image2, flow, confidence, Size(480, 480)));
        row.push_back(draw::fit(warp(image2, flow, confidence), Size(480, 480)));
    }
    return row;
}

// Points lie in their picture, up to half a pixel, which is where its last pixel ends.
static void checkPoints(const std::vector<Point2f>& points, const Mat& image, const std::string& path)
{
    for (const Point2f& p : points)
        if (p.x < -0.5f || p.y < -0.5f || p.x > image.cols - 0.5f || p.y > image.rows - 0.5f)
            throw std::runtime_error(format("%s: a point is at (%g, %g), expected it in the picture's %d x %d pixels", path.c_str(),
                                            p.x, p.y, image.cols, image.rows));
}

static int countNear(const semcorr::ImagePair& pair, const std::vector<Point2f>& found, double alpha)
{
    return semcorr::computePCK({ pair }, Mat(found), { alpha }).correct.at<int>(0);
}

// Where the points that are marked in both pictures come out, by nearest neighbours and by the matcher: a row of pictures, cut out
// around the points, and a line of text
static std::vector<Mat> carryPoints(semcorr::Matcher& nearest, semcorr::Matcher& matcher, const semcorr::ImagePair& pair)
{
    const int asStored = IMREAD_COLOR | IMREAD_IGNORE_ORIENTATION;  // as points are counted
    const Mat image1 = readImage(pair.image1, asStored), image2 = readImage(pair.image2, asStored);
    const std::vector<Point2f> from = pair.points1, wanted = pair.points2;
    checkPoints(from, image1, pair.image1);
    checkPoints(wanted, image2, pair.image2);
    std::vector<Point2f> byNearest, byMatcher, all = wanted;
    nearest.transferKeypoints(image1, image2, from, byNearest);
    matcher.transferKeypoints(image1, image2, from, byMatcher);
    all.insert(all.end(), byNearest.begin(), byNearest.end());
    all.insert(all.end(), byMatcher.begin(), byMatcher.end());

    const Rect2f box = draw::boxOf(wanted);
    const double alpha = 0.15;  // the widest usual threshold
    if (box.width > 0 || box.height > 0)  // one point has no box
        printf("%s - %s: %d of %d points within %g of their box by nearest neighbours, %d by this matcher\n",
               stem(pair.image1).c_str(), stem(pair.image2).c_str(), countNear(pair, byNearest, alpha), (int)wanted.size(), alpha,
               countNear(pair, byMatcher, alpha));
    const Size size(480, 480);
    const Rect part = draw::partAround(all, image2.size());
    return { draw::carriedPoints(image1, draw::partAround(from, image1.size()), from, from, size),
             draw::carriedPoints(image2, part, wanted, byNearest, size),
             draw::carriedPoints(image2, part, wanted, byMatcher, size) };
}

static void drawPoints(semcorr::Matcher& nearest, semcorr::Matcher& matcher, const Options& options)
{
    const size_t slash = options.points.find_last_of("/\\");
    const std::string folder = slash == std::string::npos ? "." : options.points.substr(0, slash + 1);
    std::vector<semcorr::ImagePair> pairs;
    semcorr::readPairs("csv", folder, options.points, pairs);
    std::vector<std::vector<Mat> > rows;
    for (const semcorr::ImagePair& pair : pairs)
        rows.push_back(carryPoints(nearest, matcher, pair));
    const std::string file = options.out + "/points.png";
    write(file, draw::contactSheet(rows, { "marked by hand", "nearest neighbours", "this matcher" }, 400));
    printf("written: %s; rings are where the points belong, dots where they come out\n", file.c_str());
}

static void printStats(const std::string& title, const semcorr::Matcher::Stats& s)
{
    printf("%s\n  %s, %.1f k pairs of cells scored, %.1f MB of workspace\n"
           "  features %.0f ms, search %.0f ms, refinement %.0f ms, in all %.0f ms\n", title.c_str(),
           s.mode == semcorr::SEARCH_PATCHMATCH ? "PatchMatch" : "dense 4D", s.pairsScored / 1e3, s.peakWorkspace / 1e6,
           s.featuresMs, s.searchMs, s.refineMs, s.totalMs);
}

static void run(const Options& options)
{
    Ptr<semcorr::Matcher> matcher = options.model.empty() ? semcorr::Matcher::create() : semcorr::Matcher::create(options.model);
    semcorr::Matcher::Params params = matcher->getParams();
    params.mode = options.mode;
    matcher->setParams(params);
    if (!utils::fs::createDirectories(options.out))
        throw std::runtime_error("cannot make the folder " + options.out);

    const bool compared = options.compare || !options.points.empty();
    const Ptr<semcorr::Matcher> nearest = compared ? nearestNeighbours(semcorr::FeatureNet::create(), true) : Ptr<semcorr::Matcher>();
    if (!options.points.empty())
        drawPoints(*nearest, *matcher, options);
    if (options.images.empty())
        return;
    std::vector<std::vector<Mat> > rows, comparison;
    for (size_t i = 0; i < options.images.size(); i += 2)
    {
        const std::string name1 = stem(options.images[i]), name2 = stem(options.images[i + 1]);
        const std::string prefix = format("%s/%02d_%s_%s", options.out.c_str(), (int)i / 2 + 1, name1.c_str(), name2.c_str());
        const Mat image1 = readImage(options.images[i]), image2 = readImage(options.images[i + 1]);
        rows.push_back(matchPair(*matcher, image1, image2, prefix));
        printStats(name1 + " - " + name2, matcher->getStats());
        if (options.progress)
            write(prefix + "_progress.png", progress(*matcher, image1, image2));
        if (options.compare)
            comparison.push_back(comparePair(*nearest, *matcher, image1, image2));
    }
    if (options.compare)
        write(options.out + "/comparison.png", draw::contactSheet(comparison, { "nearest neighbours", "2 warped, smoothed flow",
                                                                             "this matcher", "2 warped, smoothed flow" }, 240));
    const std::string sheet = options.out + "/contact_sheet.png";
    write(sheet, draw::contactSheet(rows, { "image 1", "image 2", "most confident matches", "2 warped, smoothed flow", "overlay",
                                            "flow", "confidence" }, 240));
    printf("written: %s and the pictures of each pair beside it\n", sheet.c_str());
}

int main(int argc, char** argv)
{
    try
    {
        const Options options = parse(argc, argv);
        if (options.help)
            std::cout << usage;
        else
            run(options);
        return 0;
    }
    catch (const cv::Exception& e)
    {
        std::cerr << "example_semcorr_match: " << e.err << std::endl;
    }
    catch (const std::exception& e)
    {
        std::cerr << "example_semcorr_match: " << e.what() << std::endl;
    }
    return 1;
}
