// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"
#include "opencv2/imgcodecs.hpp"
#if CV_VERSION_MAJOR >= 5
#include "opencv2/geometry.hpp"  // getPerspectiveTransform, in imgproc before
#endif

// Whole pictures on fine grids, with flow that is known: picture 1 is picture 2 seen through a smooth map of the plane.

namespace opencv_test { namespace {

using namespace semcorr;

typedef std::function<Point2d(const Point2d&)> PlaneMap;  // pixels of picture 1 to pixels of picture 2

static const int STRIDE = 16;  // pixels per cell of the embedded backbone

// The corners move inwards and outwards by up to 8 % of the longer side.
static PlaneMap homography(const Size& size)
{
    const float w = (float)size.width, h = (float)size.height, d = 0.01f * std::max(w, h);
    const Point2f from[] = { Point2f(0, 0), Point2f(w, 0), Point2f(w, h), Point2f(0, h) };
    const Point2f to[] = { Point2f(8 * d, -3 * d), Point2f(w - 2 * d, 6 * d),
                           Point2f(w + 5 * d, h - 7 * d), Point2f(-4 * d, h - 2 * d) };
    const Matx33d H = getPerspectiveTransform(from, to);
    return [=](const Point2d& p)
    {
        const Vec3d q = H * Vec3d(p.x, p.y, 1);
        return Point2d(q[0] / q[2], q[1] / q[2]);
    };
}

static double thinPlate(const Point2d& d)
{
    const double r2 = d.dot(d);
    return r2 > 0 ? r2 * std::log(r2) : 0;
}

// The thin-plate spline through 4×4 points that move by normal numbers of sigma 3 % of the longer side
static PlaneMap thinPlateSpline(const Size& size)
{
    const int n = 16;
    const double longest = std::max(size.width, size.height);
    std::vector<Point2d> points;
    Mat moves(n + 3, 2, CV_64F, Scalar(0)), system(n + 3, n + 3, CV_64F, Scalar(0)), weights;
    Mat moved = moves.rowRange(0, n);
    RNG(5).fill(moved, RNG::NORMAL, 0, 0.03);
    for (int i = 0; i < n; i++)
        points.push_back(Point2d(i % 4 * size.width, i / 4 * size.height) * (1 / (3 * longest)));
    for (int i = 0; i < n; i++)
    {
        for (int j = 0; j < n; j++)
            system.at<double>(i, j) = thinPlate(points[i] - points[j]);
        const double affine[] = { 1, points[i].x, points[i].y };
        for (int j = 0; j < 3; j++)
            system.at<double>(i, n + j) = system.at<double>(n + j, i) = affine[j];
    }
    CV_Assert(solve(system, moves, weights, DECOMP_LU));
    return [=](const Point2d& p)
    {
        const Point2d u = p * (1 / longest);
        const Point2d* w = weights.ptr<Point2d>();
        Point2d move = w[n] + w[n + 1] * u.x + w[n + 2] * u.y;
        for (int i = 0; i < n; i++)
            move += w[i] * thinPlate(u - points[i]);
        return p + move * longest;
    };
}

struct Warped
{
    Mat image1, image2, flow, valid;

    Warped(const std::string& file, PlaneMap (*make)(const Size&)) : image2(imread(semcorrData("../samples/data/" + file)))
    {
        CV_Assert(!image2.empty());
        const Size size = image2.size();
        const PlaneMap map = make(size);
        flow.create(size, CV_32FC2);
        valid.create(size, CV_8U);
        for (int y = 0; y < size.height; y++)
            for (int x = 0; x < size.width; x++)
            {
                const Point2d p(x, y), q = map(p);
                flow.at<Point2f>(y, x) = Point2f(q - p);
                valid.at<uchar>(y, x) = q.x >= 0 && q.y >= 0 && q.x <= size.width - 1 && q.y <= size.height - 1 ? 255 : 0;
            }
        remap(image2, image1, flow, noArray(), INTER_LINEAR | WARP_RELATIVE_MAP, BORDER_REFLECT_101);
    }
};

// Mean end-point errors in pixels
struct FlowError
{
    double all, confident, share;  // over the valid pixels, those of them with a confidence above ½, and their share
};

static FlowError flowError(const Warped& warped, const Mat& flow, const Mat& confidence)
{
    Mat parts[2], error, sure;
    split(flow - warped.flow, parts);
    magnitude(parts[0], parts[1], error);
    bitwise_and(confidence > 0.5, warped.valid, sure);
    const FlowError result = { mean(error, warped.valid)[0], mean(error, sure)[0],
                               (double)countNonZero(sure) / countNonZero(warped.valid) };
    return result;
}

// The mean of the correlations at the same displacement, over 3×3 cells twice: untrained, but right for smooth maps
static Ptr<ConsensusNet> smoothingNet()
{
    const int shape1[] = { 16, 1, 3, 3, 3, 3 }, shape2[] = { 1, 16, 3, 3, 3, 3 };
    Mat w1(6, shape1, CV_32F, Scalar(0)), w2(6, shape2, CV_32F, Scalar(0));
    for (int channel = 0; channel < 16; channel++)
        for (int tap = 0; tap < 9; tap++)
        {
            w1.ptr<float>()[(channel * 9 + tap) * 9 + tap] = 1 / 9.f;
            w2.ptr<float>()[(channel * 9 + tap) * 9 + tap] = 1 / 144.f;
        }
    const Ptr<ConsensusNet> net = ConsensusNet::create(SYMMETRY_NONE, PADDING_INPUT);
    net->addBlock(w1);
    net->addBlock(w2);
    return net;
}

TEST(Semcorr_LargeGrids, error_of_known_flow_shrinks)
{
    const Warped cases[] = { Warped("chelsea.jpg", homography), Warped("collins.jpg", thinPlateSpline) };
    const Ptr<FeatureNet> features = FeatureNet::create();
    const Ptr<Matcher> matcher = Matcher::create(features, smoothingNet(),
                                                 searchParams(SEARCH_PATCHMATCH, false, true, REFINE_PARABOLA));
    for (const Warped& warped : cases)
    {
        std::vector<FlowError> errors;
        for (int cells = 25; cells <= 200; cells *= 2)
        {
            FeatureNet::Params params = features->getParams();
            params.longestSide = cells * STRIDE;
            features->setParams(params);
            Mat flow, confidence;
            matcher->match(warped.image1, warped.image2, flow, confidence);
            errors.push_back(flowError(warped, flow, confidence));
            const FlowError e = errors.back();
            SCOPED_TRACE(format("%d cells: %g pixels, %g where confident (%g of them)", cells, e.all, e.confident, e.share));
            EXPECT_LT(e.confident, std::max(flow.cols, flow.rows) / (3. * cells)) << "a third of a cell";
            EXPECT_GT(e.share, 0.8);
        }
        EXPECT_LT(errors[1].confident, 0.7 * errors[0].confident);
        EXPECT_LT(errors[2].confident, 0.7 * errors[1].confident);
        EXPECT_LT(errors[1].all, 0.85 * errors[0].all);
        EXPECT_LT(errors[3].confident, 0.7 * errors[2].confident);
        // wrong matches at the border, where features see less, hold it up
        EXPECT_LT(errors[2].all, 0.85 * errors[0].all);
        EXPECT_LT(errors[3].all, 0.85 * errors[0].all);
    }
}

TEST(Semcorr_LargeGrids, forty_thousand_cells)
{
    Mat noise(200, 200, CV_8UC3), large, image1, image2;
    randu(noise, 0, 256);
    cv::resize(noise, large, Size(400, 400), 0, 0, INTER_NEAREST);  // a colour for each cell
    image1 = large;
    image2 = Mat(large.size(), CV_8UC3, Scalar::all(0));
    const Point shift(-16, 24);
    large(Rect(16, 0, 384, 376)).copyTo(image2(Rect(0, 24, 384, 376)));
    const Ptr<Matcher> matcher = Matcher::create(makePtr<ColourFeatures>(2, 16), smoothingNet(),
                                                 searchParams(SEARCH_AUTO, false, false, REFINE_NONE));
    Mat flow;
    matcher->match(image1, image2, flow);
    const Mat inner = flow(Rect(24, 8, 368, 360));
    Mat right;
    inRange(inner, Scalar::all(-1e-3) + Scalar(shift.x, shift.y), Scalar::all(1e-3) + Scalar(shift.x, shift.y), right);
    EXPECT_GT(countNonZero(right), 0.999 * inner.total());
    const Matcher::Stats stats = matcher->getStats();
    EXPECT_EQ(SEARCH_PATCHMATCH, stats.mode);
    EXPECT_LE(stats.peakWorkspace, (size_t)200000000);
    EXPECT_LT(stats.pairsScored, (int64)200 * 200 * 200);
}

// Colours of cells of 2×2 pixels, then of fewer cells, and how often these were asked for
class ColourPyramid CV_FINAL : public FeatureNet
{
public:
    ColourPyramid() : coarseCalls(0), coarseChannels(16) {}

    void compute(InputArray image, OutputArray features) CV_OVERRIDE { ColourFeatures(2, 16).compute(image, features); }
    bool computeCoarse(InputArray image, int level, OutputArray features) CV_OVERRIDE
    {
        coarseCalls++;
        ColourFeatures(2 << level, coarseChannels).compute(image, features);
        return true;
    }
    Params getParams() const CV_OVERRIDE { return Params(); }
    void setParams(const Params&) CV_OVERRIDE {}

    int coarseCalls, coarseChannels;
};

// A colour for each cell, and the same moved by whole cells
static void movedColours(int cells, const Point& move, Mat& image1, Mat& image2)
{
    Mat noise(cells, cells, CV_8UC3);
    randu(noise, 0, 256);
    cv::resize(noise, image1, Size(2 * cells, 2 * cells), 0, 0, INTER_NEAREST);
    const Matx23d shift(1, 0, 2 * move.x, 0, 1, 2 * move.y);
    warpAffine(image1, image2, shift, image1.size(), INTER_NEAREST, BORDER_REFLECT);
}

TEST(Semcorr_LargeGrids, search_begins_on_features_of_a_coarser_grid)
{
    Mat image1, image2, flow, again;
    const Ptr<ColourPyramid> features = makePtr<ColourPyramid>();
    const Ptr<Matcher> matcher = Matcher::create(features, smoothingNet(), searchParams(SEARCH_PATCHMATCH, false, false, REFINE_NONE));
    movedColours(272, Point(8, -4), image1, image2);  // to be halved twice
    matcher->match(image1, image2, flow);
    EXPECT_EQ(4, features->coarseCalls);
    const Rect inner(40, 40, 464, 464);
    Mat right;
    inRange(flow(inner), Scalar(16, -8) - Scalar::all(1e-3), Scalar(16, -8) + Scalar::all(1e-3), right);
    EXPECT_GT(countNonZero(right), 0.99 * inner.area());
    EXPECT_GT(matcher->getStats().iterations, 0);

    matcher->setReference(image1);
    matcher->matchReference(image2, again);
    matcher->matchReference(image2, again);
    EXPECT_TRUE(sameBits(flow, again));
    EXPECT_EQ(4 + 2 + 2 * 2, features->coarseCalls) << "the reference's features are computed once";

    const int threads = getNumThreads();
    for (int n = 1; n <= 7; n += 3)
    {
        setNumThreads(n);
        matcher->match(image1, image2, again);
        EXPECT_TRUE(sameBits(flow, again)) << n << " threads";
    }
    setNumThreads(threads);

    movedColours(60, Point(8, -4), image1, image2);
    features->coarseCalls = 0;
    matcher->match(image1, image2, flow);
    EXPECT_EQ(0, features->coarseCalls) << "small grids need none";
}

TEST(Semcorr_LargeGrids, coarse_features_of_other_channels_are_an_error)
{
    Mat image1, image2, flow;
    const Ptr<ColourPyramid> features = makePtr<ColourPyramid>();
    features->coarseChannels = 15;
    const Ptr<Matcher> matcher = Matcher::create(features, smoothingNet(), searchParams(SEARCH_PATCHMATCH, false, false, REFINE_NONE));
    movedColours(132, Point(), image1, image2);
    EXPECT_ERROR(matcher->match(image1, image2, flow), "computeCoarse gives 15 channels, expected 16");
}

}}
