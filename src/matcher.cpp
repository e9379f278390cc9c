// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "checks.hpp"
#include "consensus_net.hpp"
#include "matcher.hpp"
#include "refine.hpp"

namespace cv { namespace semcorr {

Matcher::Params::Params(int mode_, int iterations_, int hypotheses_, int offsets_, int localRadius_, bool randomSearch_, int init_,
                        int seed_, bool mutual_, bool bidirectional_, int refine_, size_t memoryLimit_, int target_)
    : mode(mode_), iterations(iterations_), hypotheses(hypotheses_), offsets(offsets_), localRadius(localRadius_),
      randomSearch(randomSearch_), init(init_), seed(seed_), mutual(mutual_), bidirectional(bidirectional_), refine(refine_),
      memoryLimit(memoryLimit_), target(target_)
{
}

Matcher::Stats::Stats()
    : mode(SEARCH_AUTO), pairsScored(0), hiddenSites(0), iterations(0), peakWorkspace(0), featuresMs(0), searchMs(0),
      refineMs(0), totalMs(0)
{
}

void checkParams(const Matcher::Params& p)
{
    checkEnum(p.mode, SEARCH_PATCHMATCH, "mode", "SEARCH_AUTO (0), SEARCH_DENSE_4D (1) or SEARCH_PATCHMATCH (2)");
    checkRange(p.iterations, 0, 1000, "iterations");
    checkRange(p.hypotheses, 1, 64, "hypotheses");
    checkEnum(p.offsets, OFFSETS_GIPUMA, "offsets", "OFFSETS_AXES (0) or OFFSETS_GIPUMA (1)");
    checkRange(p.localRadius, 0, 16, "localRadius");
    checkEnum(p.init, INIT_RANDOM, "init", "INIT_CORRELATION (0), INIT_COARSE_TO_FINE (1) or INIT_RANDOM (2)");
    checkEnum(p.refine, REFINE_SOFT_ARGMAX, "refine", "REFINE_NONE (0), REFINE_PARABOLA (1) or REFINE_SOFT_ARGMAX (2)");
    checkEnum(p.target, TARGET_CUDA, "target", "TARGET_CPU (0) or TARGET_CUDA (1)");
    const size_t least = (size_t)1 << 20;
    if (p.memoryLimit < least)
        CV_Error(Error::StsOutOfRange, format("memoryLimit is %llu bytes, expected at least %llu", (unsigned long long)p.memoryLimit,
                                              (unsigned long long)least));
    if (p.target == TARGET_CUDA)
        CV_Error(Error::GpuNotSupported, "target is TARGET_CUDA, but this build has no CUDA kernels; expected TARGET_CPU");
}

Ptr<Matcher> Matcher::create(const Ptr<FeatureNet>& featureNet, const Ptr<ConsensusNet>& net, const Params& params)
{
    return makePtr<MatcherImpl>(featureNet, net, params);
}

MatcherImpl::MatcherImpl(const Ptr<FeatureNet>& featureNet_, const Ptr<ConsensusNet>& net_, const Params& params_)
    : featureNet(featureNet_), net(net_), params(params_)
{
    if (!featureNet)
        CV_Error(Error::StsNullPtr, "featureNet is null, expected a FeatureNet");
    if (!net)
        CV_Error(Error::StsNullPtr, "net is null, expected a ConsensusNet");
    if (!net.dynamicCast<ConsensusNetImpl>())
        CV_Error(Error::StsBadArg, "net is of a class of its own, expected one made by ConsensusNet::create or load");
    net.dynamicCast<ConsensusNetImpl>()->checkComplete();
    if (net.dynamicCast<ConsensusNetImpl>()->isConstant())
        CV_Error(Error::StsBadArg, "net has a block of zero weights only, so that all pairs score the same; expected weights (setBlock)");
    checkParams(params);
}

void MatcherImpl::setParams(const Params& p)
{
    checkParams(p);
    params = p;
}

void MatcherImpl::setSelfSimilarity(InputArrayOfArrays weights, InputArrayOfArrays biases, int window)
{
    selfSimilarity = weights.empty() ? SelfSimilarity() : SelfSimilarity(weights, biases, window);
}

void MatcherImpl::match(InputArray image1, InputArray image2, OutputArray flow, OutputArray confidence, InputArray mask1)
{
    CV_INSTRUMENT_REGION();
    begin();
    const Mat mask = mask1.getMat();
    if (!mask.empty() && (mask.dims != 2 || mask.type() != CV_8UC1 || mask.size() != image1.size()))
        CV_Error(Error::StsBadMask, format("mask1 is %s of type %s, expected CV_8UC1 of image1's %d x %d (height x width)",
                                           shapeOf(mask).c_str(), typeToString(mask.type()).c_str(), image1.rows(), image1.cols()));
    Picture picture1 = picture(image1, "image1"), picture2 = picture(image2, "image2");
    toPixels(search(picture1, picture2, confidence.needed()), picture1.size, picture2.size, flow, confidence);
    if (!mask.empty())
    {
        flow.setTo(Scalar::all(0), mask == 0);
        if (confidence.needed())
            confidence.setTo(Scalar::all(0), mask == 0);
    }
    end();
}

void MatcherImpl::setReference(InputArray image1)
{
    CV_INSTRUMENT_REGION();
    begin();
    reference = picture(image1, "image1");
    reference.image = reference.image.clone();  // its memory may be the caller's
    end();
}

void MatcherImpl::matchReference(InputArray image2, OutputArray flow, OutputArray confidence)
{
    CV_INSTRUMENT_REGION();
    if (reference.features.empty())
        CV_Error(Error::StsError, "there is no reference image, expected a call of setReference before matchReference");
    begin();
    Picture picture2 = picture(image2, "image2");
    toPixels(search(reference, picture2, confidence.needed()), reference.size, picture2.size, flow, confidence);
    end();
}

void MatcherImpl::matchFeatures(InputArray features1, InputArray features2, OutputArray field, OutputArray scores)
{
    CV_INSTRUMENT_REGION();
    begin();
    Picture picture1, picture2;
    getFeaturePair(features1, features2, picture1.features, picture2.features);
    const Cells cells = search(picture1, picture2, false);
    cells.field.copyTo(field);
    if (scores.needed())
        cells.found.best.copyTo(scores);
    end();
}

void MatcherImpl::transferKeypoints(InputArray image1, InputArray image2, InputArray points1, OutputArray points2,
                                    OutputArray confidence)
{
    CV_INSTRUMENT_REGION();
    begin();
    const Mat points = getPoints(points1, "points1");
    Picture picture1 = picture(image1, "image1"), picture2 = picture(image2, "image2");
    transfer(picture1, picture2, points, points2, confidence);
    end();
}

void MatcherImpl::transferKeypointsFeatures(InputArray features1, const Size& size1, InputArray features2, const Size& size2,
                                            InputArray points1, OutputArray points2, OutputArray confidence)
{
    CV_INSTRUMENT_REGION();
    begin();
    const Mat points = getPoints(points1, "points1");
    Picture picture1, picture2;
    getFeaturePair(features1, features2, picture1.features, picture2.features);
    checkSize(size1, "size1");
    checkSize(size2, "size2");
    picture1.size = size1;
    picture2.size = size2;
    transfer(picture1, picture2, points, points2, confidence);
    end();
}

// points: N×1 CV_32FC2 in pixels of image 1
void MatcherImpl::transfer(Picture& picture1, Picture& picture2, const Mat& points, OutputArray points2, OutputArray confidence)
{
    const Mat& f1 = picture1.features;
    const Size size1 = picture1.size, size2 = picture2.size;
    std::vector<Point2d> positions;
    for (int i = 0; i < points.rows; i++)
    {
        const Point2f p = points.at<Point2f>(i);
        positions.push_back(Point2d(std::min(std::max(pixelToCell(p.x, f1.size[1], size1.width), 0.), f1.size[1] - 1.),
                                    std::min(std::max(pixelToCell(p.y, f1.size[0], size1.height), 0.), f1.size[0] - 1.)));
    }
    const Cells cells = search(picture1, picture2, confidence.needed(), cellsAround(positions, Size(f1.size[1], f1.size[0])));
    const std::vector<PointMatch> found = matchPoints(makeTask(picture1, picture2), cells.found, positions);

    Mat targets(points.rows, 1, CV_32FC2), confidences(points.rows, 1, CV_32F);
    for (int i = 0; i < points.rows; i++)
    {
        const Point2f cell = refineMatch(found[i].around.data(), found[i].target, params.refine);
        targets.at<Point2f>(i) = Point2f(cellToPixel(cell.x, cells.grid2.width, size2.width),
                                         cellToPixel(cell.y, cells.grid2.height, size2.height));
        const Point source(cvRound(positions[i].x), cvRound(positions[i].y));
        confidences.at<float>(i) = cells.confidenceOf(source, found[i].target);
    }
    targets.copyTo(points2);
    if (confidence.needed())
        confidences.copyTo(confidence);
}

void MatcherImpl::matchSparse(InputArray image1, InputArray image2, std::vector<KeyPoint>& keypoints1,
                              std::vector<KeyPoint>& keypoints2, std::vector<DMatch>& matches, int maxMatches)
{
    CV_INSTRUMENT_REGION();
    checkRange(maxMatches, 1, INT_MAX, "maxMatches");
    begin();
    Picture picture1 = picture(image1, "image1"), picture2 = picture(image2, "image2");
    const Cells cells = search(picture1, picture2, true);
    const Size size1 = picture1.size, size2 = picture2.size;
    const Size grid1 = cells.field.size(), grid2 = cells.grid2;

    std::vector<int> order(grid1.area());
    for (size_t i = 0; i < order.size(); i++)
        order[i] = (int)i;
    const float* confidence = cells.confidence.ptr<float>();
    std::stable_sort(order.begin(), order.end(), [=](int a, int b) { return confidence[a] > confidence[b]; });
    order.resize(std::min(order.size(), (size_t)maxMatches));

    keypoints1.clear();
    keypoints2.clear();
    matches.clear();
    for (size_t i = 0; i < order.size(); i++)
    {
        const int x = order[i] % grid1.width, y = order[i] / grid1.width;
        const Point2f t = cells.field.at<Point2f>(y, x);
        keypoints1.push_back(KeyPoint(cellToPixel((float)x, grid1.width, size1.width), cellToPixel((float)y, grid1.height, size1.height),
                                      (float)size1.width / grid1.width, -1, confidence[order[i]]));
        keypoints2.push_back(KeyPoint(cellToPixel(t.x, grid2.width, size2.width), cellToPixel(t.y, grid2.height, size2.height),
                                      (float)size2.width / grid2.width, -1, confidence[order[i]]));
        matches.push_back(DMatch((int)i, (int)i, 1 - confidence[order[i]]));
    }
    end();
}

void MatcherImpl::begin()
{
    stats = Stats();
    total.reset();
    total.start();
}

void MatcherImpl::end()
{
    total.stop();
    stats.totalMs = total.getTimeMilli();
}

MatcherImpl::Picture MatcherImpl::picture(InputArray image, const char* name)
{
    Picture result;
    result.image = getImage(image, name);
    result.size = result.image.size();
    TickMeter time;
    time.start();
    Mat f;
    featureNet->compute(result.image, f);
    time.stop();
    stats.featuresMs += time.getTimeMilli();
    result.features = getFeatures(f, format("the features of %s", name).c_str());  // a FeatureNet may be a user's own
    return result;
}

// Features on coarser grids, where there is an image and a net that computes them
void MatcherImpl::addCoarse(Picture& picture, size_t levels)
{
    TickMeter time;
    time.start();
    while (!picture.image.empty() && picture.coarse.size() < levels)
    {
        Mat f;
        if (!featureNet->computeCoarse(picture.image, (int)picture.coarse.size() + 1, f))
            break;
        f = getFeatures(f, "the coarse features of an image");
        if (f.size[2] != picture.features.size[2])
            CV_Error(Error::StsUnmatchedSizes, format("FeatureNet::computeCoarse gives %d channels, expected %d as compute does",
                                                      f.size[2], picture.features.size[2]));
        picture.coarse.push_back(f);
    }
    time.stop();
    stats.featuresMs += time.getTimeMilli();
}

SearchTask MatcherImpl::makeTask(const Picture& picture1, const Picture& picture2) const
{
    const SearchTask task = { picture1.features, picture2.features, picture1.coarse, picture2.coarse,
                              *net.dynamicCast<ConsensusNetImpl>(), selfSimilarity, params, std::vector<int>() };
    return task;
}

// As many coarser grids as it takes until one is searched without another
static size_t coarseLevels(const SearchTask& task)
{
    size_t levels = 0;
    Size grid1 = task.grid1(), grid2 = task.grid2();
    while (beginsCoarse(task.params, grid1, grid2))
    {
        grid1 = Size((grid1.width + 1) / 2, (grid1.height + 1) / 2);
        grid2 = Size((grid2.width + 1) / 2, (grid2.height + 1) / 2);
        levels++;
    }
    return levels;
}

MatcherImpl::Cells MatcherImpl::search(Picture& picture1, Picture& picture2, bool wantConfidence, const std::vector<int>& keep)
{
    const bool wantBack = wantConfidence && params.bidirectional;
    SearchTask task = makeTask(picture1, picture2);
    task.keep = keep;
    stats.mode = chooseSearch(task);
    if (stats.mode == SEARCH_PATCHMATCH)
    {
        const size_t levels = coarseLevels(task);
        addCoarse(picture1, levels);
        addCoarse(picture2, levels);
        task.coarse1 = picture1.coarse;
        task.coarse2 = picture2.coarse;
    }
    TickMeter searching, refining;
    searching.start();
    Cells cells;
    cells.features1 = task.f1;
    cells.features2 = task.f2;
    cells.grid2 = task.grid2();
    cells.found = stats.mode == SEARCH_DENSE_4D ? denseSearch(task, wantBack) : patchMatchSearch(task, wantBack);
    searching.stop();
    if (!cv::checkRange(cells.found.best))
        CV_Error(Error::StsBadArg, "the consensus scores are not finite, expected weights and features small enough");

    refining.start();
    const Mat& targets = cells.found.targets;
    cells.field.create(targets.size(), CV_32FC2);
    if (wantConfidence)
        cells.confidence.create(targets.size(), CV_32F);
    parallel_for_(Range(0, targets.rows), [&](const Range& range)
    {
        for (int y = range.start; y < range.end; y++)
            for (int x = 0; x < targets.cols; x++)
            {
                const Point target(targets.at<Point2f>(y, x));
                cells.field.at<Point2f>(y, x) = refineMatch(cells.found.around.ptr<float>(y) + x * AROUND, target, params.refine);
                if (wantConfidence)
                    cells.confidence.at<float>(y, x) = cells.confidenceOf(Point(x, y), target);
            }
    });
    refining.stop();

    stats.pairsScored = cells.found.pairsScored;
    stats.hiddenSites = cells.found.hiddenSites;
    stats.iterations = cells.found.iterations;
    stats.peakWorkspace = cells.found.peakWorkspace;
    stats.searchMs = searching.getTimeMilli();
    stats.refineMs = refining.getTimeMilli();
    return cells;
}

// max(0, cosine of the matched features) · exp(−d² / 2), d the distance in cells of p and the match of its target
float MatcherImpl::Cells::confidenceOf(const Point& p, const Point& target) const
{
    const float *f1 = features1.ptr<float>(p.y, p.x), *f2 = features2.ptr<float>(target.y, target.x);
    double product = 0, squares1 = 0, squares2 = 0;
    for (int c = 0; c < features1.size[2]; c++)
    {
        product += (double)f1[c] * f2[c];
        squares1 += (double)f1[c] * f1[c];
        squares2 += (double)f2[c] * f2[c];
    }
    const double lengths = std::sqrt(squares1) * std::sqrt(squares2);
    double value = lengths > 0 ? std::min(std::max(product / lengths, 0.), 1.) : 0.;
    if (!found.back.empty())
    {
        const Point2f d = found.back.at<Point2f>(target) - Point2f(p);
        value *= std::exp(-0.5 * d.dot(d));
    }
    return (float)value;
}

void MatcherImpl::toPixels(const Cells& cells, const Size& size1, const Size& size2, OutputArray flow, OutputArray confidence)
{
    TickMeter time;
    time.start();
    fieldToFlow(cells.field, size1, cells.grid2, size2, flow);
    if (confidence.needed())
        resize(cells.confidence, confidence, size1, 0, 0, INTER_LINEAR);
    time.stop();
    stats.refineMs += time.getTimeMilli();
}

}}
