// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_precomp.hpp"
#include "smooth_features.hpp"

namespace opencv_test { namespace {

using namespace semcorr;

static Matcher::Params searchParams(int mode = SEARCH_PATCHMATCH)
{
    Matcher::Params params(mode);
    params.refine = REFINE_NONE;
    params.mutual = params.bidirectional = false;
    return params;
}

// Two layers of random weights
static Ptr<ConsensusNet> randomNet(int symmetry, int padding, int channels, const Vec4i& kernel1, const Vec4i& kernel2)
{
    const Ptr<ConsensusNet> net = ConsensusNet::create(symmetry, padding);
    net->addBlock(randomFloats({ channels, 1, kernel1[0], kernel1[1], kernel1[2], kernel1[3] }, -0.2, 0.25),
                  randomFloats({ channels }, -0.2, 0.2));
    net->addBlock(randomFloats({ 1, channels, kernel2[0], kernel2[1], kernel2[2], kernel2[3] }, -0.2, 0.25),
                  randomFloats({ 1 }, -0.2, 0.2));
    net->setLastActivation(theRNG().uniform(0, 2) > 0);
    net->setResidual(theRNG().uniform(-1., 1.));
    return net;
}

struct NetCase
{
    const char* name;
    int symmetry, channels;
    Vec4i kernel1, kernel2;
};

static const NetCase netCases[] =
{
    { "3-3", SYMMETRY_NONE, 16, Vec4i(3, 3, 3, 3), Vec4i(3, 3, 3, 3) },
    { "3-3, few channels", SYMMETRY_NONE, 5, Vec4i(3, 3, 3, 3), Vec4i(3, 3, 3, 3) },
    { "3-3, symmetric", SYMMETRY_NET, 16, Vec4i(3, 3, 3, 3), Vec4i(3, 3, 3, 3) },
    { "3-3, symmetric by block", SYMMETRY_BLOCK, 4, Vec4i(3, 3, 3, 3), Vec4i(3, 3, 3, 3) },
    { "3-3, more than 16 channels", SYMMETRY_NONE, 17, Vec4i(3, 3, 3, 3), Vec4i(3, 3, 3, 3) },
    { "mixed kernels", SYMMETRY_NONE, 3, Vec4i(3, 1, 5, 3), Vec4i(1, 3, 3, 5) },
    { "mixed kernels, symmetric", SYMMETRY_NET, 3, Vec4i(3, 3, 5, 5), Vec4i(1, 3, 3, 1) },
};

static Ptr<ConsensusNet> makeNet(const NetCase& c, int padding)
{
    return randomNet(c.symmetry, padding, c.channels, c.kernel1, c.kernel2);
}

// {h1, w1, h2, w2} scores of all pairs, as PatchMatch sees them
static Mat denseScores(const Mat& f1, const Mat& f2, const Ptr<ConsensusNet>& net, bool mutual = false)
{
    Mat scores;
    correlate(f1, f2, scores);
    if (mutual)
        mutualFilter(scores, scores);
    net->forward(scores, scores);
    return scores;
}

struct Found
{
    Mat field, scores;
    Matcher::Stats stats;
};

static Found search(const Mat& f1, const Mat& f2, const Ptr<ConsensusNet>& net, const Matcher::Params& params)
{
    Found found;
    const Ptr<Matcher> matcher = Matcher::create(makePtr<ColourFeatures>(8), net, params);
    matcher->matchFeatures(f1, f2, found.field, found.scores);
    found.stats = matcher->getStats();
    return found;
}

// What `scores` holds at the targets of `field`
static Mat scoresAt(const Mat& scores, const Mat& field)
{
    Mat result(field.size(), CV_32F);
    for (int y = 0; y < field.rows; y++)
        for (int x = 0; x < field.cols; x++)
        {
            const Point2f t = field.at<Point2f>(y, x);
            const int index[] = { y, x, cvRound(t.y), cvRound(t.x) };
            result.at<float>(y, x) = scores.at<float>(index);
        }
    return result;
}

static void expectExact(const Found& found, const Mat& dense, const std::string& text)
{
    const double difference = cvtest::norm(found.scores, scoresAt(dense, found.field), NORM_INF);
    EXPECT_LE(difference, 1e-5 * cvtest::norm(dense, NORM_INF)) << text;
}

static Mat smoothFeatures(int side, int channels, double angle, uint64 seed)
{
    return smoothField(side, channels, angle, seed, 16, 0.3);
}

// Rewards pairs whose neighbours correspond at the same displacement: in place of a trained net
static Ptr<ConsensusNet> diagonalNet(int padding = PADDING_INPUT)
{
    const int shape1[] = { 16, 1, 3, 3, 3, 3 }, shape2[] = { 1, 16, 3, 3, 3, 3 };
    Mat w1(6, shape1, CV_32F, Scalar(0)), w2(6, shape2, CV_32F, Scalar(0));
    for (int channel = 0; channel < 16; channel++)
        for (int tap = 0; tap < 9; tap++)
        {
            const int index1[] = { channel, 0, tap / 3, tap % 3, tap / 3, tap % 3 };
            const int index2[] = { 0, channel, tap / 3, tap % 3, tap / 3, tap % 3 };
            w1.at<float>(index1) = 0.1f + 0.01f * (channel + tap);
            w2.at<float>(index2) = 0.1f + 0.01f * (channel - tap);
        }
    const Ptr<ConsensusNet> net = ConsensusNet::create(SYMMETRY_NONE, padding);
    net->addBlock(w1);
    net->addBlock(w2);
    return net;
}

TEST(Semcorr_PatchMatch, scores_equal_dense_ones)
{
    for (const NetCase& c : netCases)
        for (int padding = PADDING_LAYER; padding <= PADDING_INPUT; padding++)
            for (int round = 0; round < 4; round++)
            {
                const Ptr<ConsensusNet> net = makeNet(c, padding);
                const int channels = theRNG().uniform(1, 40);
                const Mat f1 = randomFeatures(randomSide(13), randomSide(13), channels);
                const Mat f2 = randomFeatures(randomSide(13), randomSide(13), channels);
                Matcher::Params params = searchParams();
                params.offsets = round % 2 ? OFFSETS_GIPUMA : OFFSETS_AXES;
                params.hypotheses = theRNG().uniform(1, 4);
                params.randomSearch = round > 1;
                params.init = round % 3;
                expectExact(search(f1, f2, net, params), denseScores(f1, f2, net),
                            format("%s, padding %d, %s with %s", c.name, padding, shapeText(f1).c_str(), shapeText(f2).c_str()));
            }
}

TEST(Semcorr_PatchMatch, scores_equal_dense_ones_after_the_mutual_filter)
{
    const Ptr<ConsensusNet> nets[] = { makeNet(netCases[0], PADDING_INPUT), makeNet(netCases[5], PADDING_LAYER) };
    for (const Ptr<ConsensusNet>& net : nets)
    {
        Mat f1 = randomFloats({ 9, 11, 20 }, 0, 1), f2 = randomFloats({ 12, 7, 20 }, 0, 1);
        normalizeFeatures(f1, f1);
        normalizeFeatures(f2, f2);
        Matcher::Params params = searchParams();
        params.mutual = true;
        expectExact(search(f1, f2, net, params), denseScores(f1, f2, net, true), "mutual");
    }
}

// At 70² cells nothing of the correlation is kept and the work is cut into windows. scorePairs is the reference.
TEST(Semcorr_PatchMatch, scores_of_a_large_grid_are_exact)
{
    const Mat f1 = smoothFeatures(70, 24, 0, 1), f2 = smoothFeatures(70, 24, 0.1, 1);
    const Ptr<ConsensusNet> nets[] = { makeNet(netCases[0], PADDING_INPUT), makeNet(netCases[2], PADDING_LAYER) };
    for (const Ptr<ConsensusNet>& net : nets)
    {
        const Found found = search(f1, f2, net, searchParams());
        std::vector<Point> cells1, cells2;
        for (int i = 0; i < 70 * 70; i += 7)
        {
            cells1.push_back(Point(i % 70, i / 70));
            cells2.push_back(Point(found.field.at<Point2f>(i / 70, i % 70)));
        }
        Mat expected, actual((int)cells1.size(), 1, CV_32F);
        net->scorePairs(f1, f2, column(cells1), column(cells2), expected);
        for (int i = 0; i < actual.rows; i++)
            actual.at<float>(i) = found.scores.at<float>(cells1[i]);
        EXPECT_TRUE(closeTo(actual, expected));
    }
}

TEST(Semcorr_PatchMatch, exhaustive_search_finds_the_dense_optimum)
{
    const Mat f1 = randomFeatures(7, 9, 16), f2 = randomFeatures(10, 8, 16);
    for (const NetCase& c : netCases)
    {
        const Ptr<ConsensusNet> net = makeNet(c, PADDING_INPUT);
        const Mat dense = denseScores(f1, f2, net);
        Mat field, best;
        bestMatches(dense, field, best);
        Matcher::Params params = searchParams();
        params.localRadius = 16;  // every cell of grid 2, in one pass
        EXPECT_TRUE(closeTo(search(f1, f2, net, params).scores, best)) << c.name << ", whole grid as neighbourhood";
        params.localRadius = 4;  // reaches over the neighbours of hypotheses, which are none themselves: so every cell in the end
        params.hypotheses = 64;
        params.iterations = 1000;
        params.offsets = OFFSETS_GIPUMA;
        const Found found = search(f1, f2, net, params);
        EXPECT_TRUE(closeTo(found.scores, best)) << c.name << ", all hypotheses";
        EXPECT_LT(found.stats.iterations, 100) << "it should end when nothing new is found";
    }
}

// As many cells as rounded scores are worth while for
TEST(Semcorr_PatchMatch, exhaustive_search_of_rounded_scores_finds_the_dense_optimum)
{
    const Mat f1 = randomFeatures(16, 17, 16), f2 = randomFeatures(18, 16, 16);
    const Ptr<ConsensusNet> net = diagonalNet();
    Mat field, best;
    bestMatches(denseScores(f1, f2, net), field, best);
    Matcher::Params params = searchParams();
    params.localRadius = 16;
    params.iterations = 1000;
    EXPECT_TRUE(closeTo(search(f1, f2, net, params).scores, best));
}

TEST(Semcorr_PatchMatch, keeps_to_the_memory_limit)
{
    const Mat f1 = smoothFeatures(60, 64, 0, 3), f2 = smoothFeatures(60, 64, 0.2, 3);
    const Ptr<ConsensusNet> net = diagonalNet();
    Matcher::Params params = searchParams();
    params.refine = REFINE_NONE;
    const Found free = search(f1, f2, net, params);
    int searched = 0;
    for (int part = 120; part <= 200; part++)
    {
        params.memoryLimit = free.stats.peakWorkspace / 200 * part;
        try
        {
            const Found limited = search(f1, f2, net, params);
            searched++;
            EXPECT_LE(limited.stats.peakWorkspace, params.memoryLimit) << part << " / 200";
            EXPECT_TRUE(closeTo(limited.scores, free.scores)) << part << " / 200";
        }
        catch (const cv::Exception& e)
        {
            EXPECT_EQ(Error::StsNoMem, e.code) << e.what();
        }
    }
    EXPECT_GE(searched, 10);
}

// Lists of candidates end at the limit, too, before any is scored.
TEST(Semcorr_PatchMatch, lists_no_more_than_the_memory_limit)
{
    Matcher::Params params = searchParams();
    params.hypotheses = 8;
    params.localRadius = 16;
    const Mat f1 = randomFeatures(60, 60, 8), f2 = randomFeatures(60, 60, 8);
    const int threads = getNumThreads();
    setNumThreads(2);  // each lists a row before it looks
    params.memoryLimit = search(f1, f2, diagonalNet(), searchParams()).stats.peakWorkspace;
    try
    {
        search(f1, f2, diagonalNet(), params);
        ADD_FAILURE() << "fits into " << params.memoryLimit;
    }
    catch (const cv::Exception& e)
    {
        EXPECT_EQ(Error::StsNoMem, e.code);
        const size_t number = e.err.find("needs ");
        ASSERT_NE(std::string::npos, number) << e.err;
        EXPECT_LE(atof(e.err.c_str() + number + 6) * 1e6, 1.5 * params.memoryLimit) << e.err;
    }
    setNumThreads(threads);
}

TEST(Semcorr_PatchMatch, same_bits_for_any_number_of_threads)
{
    const Ptr<ConsensusNet> nets[] = { diagonalNet(), diagonalNet(PADDING_LAYER), makeNet(netCases[6], PADDING_LAYER) };
    const int sides[] = { 30, 30, 9 }, threads = getNumThreads();  // the last net is far slower
    for (int i = 0; i < 3; i++)
        for (int init = INIT_CORRELATION; init <= INIT_RANDOM; init++)
        {
            const Mat f1 = smoothFeatures(sides[i], 20, 0, 3), f2 = smoothFeatures(sides[i], 20, 0.2, 3);
            Matcher::Params params = searchParams();
            params.init = init;
            params.randomSearch = init == INIT_RANDOM;
            params.refine = REFINE_SOFT_ARGMAX;
            params.mutual = init == INIT_CORRELATION;
            params.iterations = 4;
            setNumThreads(1);
            const Found expected = search(f1, f2, nets[i], params);
            const int counts[] = { 1, 2, 7 };
            for (int count : counts)
            {
                setNumThreads(count);
                const Found found = search(f1, f2, nets[i], params);
                EXPECT_TRUE(sameBits(found.field, expected.field)) << "net " << i << ", init " << init << ", " << count << " threads";
                EXPECT_TRUE(sameBits(found.scores, expected.scores)) << "net " << i << ", init " << init << ", " << count << " threads";
                EXPECT_EQ(found.stats.pairsScored, expected.stats.pairsScored);
                EXPECT_EQ(found.stats.hiddenSites, expected.stats.hiddenSites);
            }
            setNumThreads(threads);
        }
}

TEST(Semcorr_PatchMatch, seed_decides_what_is_random)
{
    const Mat f1 = randomFeatures(20, 20, 16), f2 = randomFeatures(20, 20, 16);
    Matcher::Params params = searchParams();
    params.init = INIT_RANDOM;
    params.iterations = 1;
    const Found first = search(f1, f2, diagonalNet(), params), again = search(f1, f2, diagonalNet(), params);
    params.seed = 1;
    const Found other = search(f1, f2, diagonalNet(), params);
    EXPECT_TRUE(sameBits(first.field, again.field));
    EXPECT_FALSE(sameBits(first.field, other.field));
}

// 1 / the largest of each row, as the mutual filter has it
static Mat largestInverse(const Mat& products)
{
    Mat largest;
    cv::reduce(products, largest, 1, REDUCE_MAX);
    return 1 / (largest + 1e-5f);
}

// Correlations of integer features as bytes, of which the start takes means; negative ones are 0
static Mat startValues(const Mat& f1, const Mat& f2, bool mutual)
{
    const Mat a = f1.reshape(1, f1.size[0] * f1.size[1]), b = f2.reshape(1, f2.size[0] * f2.size[1]);
    double longest[2] = { 0, 0 };
    for (int i = 0; i < a.rows; i++)
        longest[0] = std::max(longest[0], cvtest::norm(a.row(i), NORM_L2));
    for (int i = 0; i < b.rows; i++)
        longest[1] = std::max(longest[1], cvtest::norm(b.row(i), NORM_L2));
    int divisor = 1;
    double largest = longest[0] * longest[1];
    const float scale = (float)(255 / largest);
    for (; largest >= 16384; largest /= 2)
        divisor *= 2;
    const int factor = cvRound(255 * 65536 / largest);
    const Mat products = a * b.t(), inverse1 = largestInverse(products), inverse2 = largestInverse(products.t());
    Mat values(4, std::vector<int>({ f1.size[0], f1.size[1], f2.size[0], f2.size[1] }).data(), CV_8U);
    for (size_t i = 0; i < values.total(); i++)
    {
        const float c = products.ptr<float>()[i];
        const float filtered = c * scale * (c * inverse1.at<float>((int)i / products.cols) * (c * inverse2.at<float>((int)i % products.cols)));
        values.ptr()[i] = saturate_cast<uchar>(mutual ? cvRound(filtered) : std::floor(std::floor(c / divisor) * factor / 65536));
    }
    return values;
}

static int meanOf(int a, int b)
{
    return (a + b + 1) / 2;
}

// s(p, q) of src/diagonal_maxima.hpp for all q
static Mat startMeans(const Mat& values, const Point& p)
{
    const Size grid1(values.size[1], values.size[0]), grid2(values.size[3], values.size[2]);
    Mat means(grid2.height + 2, grid2.width + 2, CV_8U, Scalar(0)), smoothed(grid2, CV_8U);
    for (int y = 0; y < grid2.height; y++)
        for (int x = 0; x < grid2.width; x++)
        {
            const auto at = [&](int v, int u)
            {
                const Point p1 = p + Point(u, v), q(x + u, y + v);
                const bool inside = Rect(Point(), grid1).contains(p1) && Rect(Point(), grid2).contains(q);
                return inside ? values.at<uchar>(Vec4i(p1.y, p1.x, q.y, q.x)) : 0;
            };
            const auto row = [&](int v) { return meanOf(meanOf(at(v, -1), at(v, 1)), at(v, 0)); };
            means.at<uchar>(y + 1, x + 1) = (uchar)meanOf(meanOf(row(-1), row(1)), row(0));
        }
    for (int y = 0; y < grid2.height; y++)
        for (int x = 0; x < grid2.width; x++)
        {
            const auto at = [&](int dy, int dx) { return means.at<uchar>(y + 1 + dy, x + 1 + dx); };
            const int around = meanOf(meanOf(at(0, -1), at(0, 1)), meanOf(at(-1, 0), at(1, 0)));
            smoothed.at<uchar>(y, x) = (uchar)std::max(meanOf(around, at(0, 0)), 1);
        }
    return smoothed;
}

typedef std::vector<std::pair<Point, int> > Starts;  // best first, with what s is there

// The best fourteen of the local maxima that are not far below the best one
static Starts startsOf(const Mat& s)
{
    Starts maxima, starts;
    for (int y = 0; y < s.rows; y++)
        for (int x = 0; x < s.cols; x++)
        {
            bool highest = true;
            for (int i = 0; i < 9; i++)
            {
                const Point q(x + i % 3 - 1, y + i / 3 - 1);
                if (i != 4 && Rect(Point(), s.size()).contains(q))
                    highest = highest && (i < 4 ? s.at<uchar>(y, x) > s.at<uchar>(q) : s.at<uchar>(y, x) >= s.at<uchar>(q));
            }
            if (highest)
                maxima.push_back(std::make_pair(Point(x, y), s.at<uchar>(y, x)));
        }
    std::stable_sort(maxima.begin(), maxima.end(), [&](const Starts::value_type& a, const Starts::value_type& b) { return a.second > b.second; });
    for (size_t i = 0; i < std::min<size_t>(maxima.size(), 14); i++)
        if (maxima[i].second >= maxima[0].second - 13)  // 0.05 of 255
            starts.push_back(maxima[i]);
    return starts;
}

typedef std::vector<std::vector<Point> > StartsOfCells;

// How many of the eight cells around one begin within two cells of a target at the same displacement
static int neighboursNear(const StartsOfCells& all, const Size& grid1, const Point& p, const Point& target)
{
    int count = 0;
    for (int i = 0; i < 9; i++)
    {
        const Point d(i % 3 - 1, i / 3 - 1), n = p + d;
        bool near = false;
        if (i != 4 && Rect(Point(), grid1).contains(n))
            for (const Point& other : all[n.y * grid1.width + n.x])
            {
                const Point apart = other - d - target;
                near = near || std::max(std::abs(apart.x), std::abs(apart.y)) <= 2;
            }
        count += near;
    }
    return count;
}

// Of each cell's starts the best, and those whose distance from it in value is at most 1 of 255, and 3 more for each neighbour that begins
// near it
static StartsOfCells keptStarts(const std::vector<Starts>& all, const Size& grid1)
{
    StartsOfCells cells(all.size()), kept(all.size());
    for (size_t p = 0; p < all.size(); p++)
        for (const Starts::value_type& start : all[p])
            cells[p].push_back(start.first);
    for (size_t p = 0; p < all.size(); p++)
        for (const Starts::value_type& start : all[p])
        {
            const int count = neighboursNear(cells, grid1, Point((int)p % grid1.width, (int)p / grid1.width), start.first);
            if (kept[p].empty() || all[p][0].second - start.second <= 1 + 3 * count)
                kept[p].push_back(start.first);
        }
    return kept;
}

// With up to eight that four or more neighbours begin near: of each rank those of the cells above, beside and below, in other blocks
static std::vector<Point> sharedStarts(const StartsOfCells& all, const Size& grid1, const Size& grid2, const Point& p)
{
    std::vector<Point> targets = all[p.y * grid1.width + p.x];
    const size_t most = targets.size() + 8;
    const Point axes[] = { Point(0, -1), Point(-1, 0), Point(1, 0), Point(0, 1) };
    for (size_t k = 0; k < 8; k++)
        for (const Point& d : axes)
        {
            const Point n = p + d;
            if (!Rect(Point(), grid1).contains(n) || k >= all[n.y * grid1.width + n.x].size())
                continue;
            const Point target = all[n.y * grid1.width + n.x][k] - d;
            bool added = targets.size() == most || !Rect(Point(), grid2).contains(target);
            for (const Point& other : targets)
                added = added || (other.x / 2 == target.x / 2 && other.y / 2 == target.y / 2);
            if (!added && neighboursNear(all, grid1, p, target) >= 4)
                targets.push_back(target);
        }
    return targets;
}

// Without passes only the start is scored: a cell's own maxima and those that neighbours agree on, moved along, with the 2×2 cells
// around each that are scored together. With random weights the best score is anywhere among them.
static void expectStarts(bool mutual)
{
    Matcher::Params params = searchParams();
    params.mutual = mutual;
    params.iterations = params.localRadius = 0;
    params.hypotheses = 1;
    const Size grids[][2] = { { Size(1, 1), Size(9, 7) }, { Size(8, 5), Size(1, 12) }, { Size(13, 11), Size(17, 19) }, { Size(6, 9), Size(40, 33) },
                              { Size(7, 5), Size(71, 67) } };
    for (int i = 0; i < 5; i++)
    {
        const Size grid1 = grids[i][0], grid2 = grids[i][1];
        Mat f1 = randomFloats({ grid1.height, grid1.width, 5 }, -127.49, 127.49), f2 = randomFloats({ grid2.height, grid2.width, 5 }, -127.49, 127.49);
        f1.convertTo(f1, CV_32S);
        f2.convertTo(f2, CV_32S);
        f1.convertTo(f1, CV_32F);
        f2.convertTo(f2, CV_32F);
        f1.ptr<float>()[0] = f2.ptr<float>()[0] = 127;  // so that they are their own 8-bit values
        const Ptr<ConsensusNet> net = randomNet(SYMMETRY_NONE, PADDING_INPUT, 4, Vec4i(3, 3, 3, 3), Vec4i(3, 3, 3, 3));
        const Found found = search(f1, f2, net, params);
        const Mat dense = denseScores(f1, f2, net, mutual), values = startValues(f1, f2, mutual);
        const double tolerance = 1e-5 * cvtest::norm(dense, NORM_INF);
        std::vector<Starts> starts;
        for (int p = 0; p < grid1.area(); p++)
            starts.push_back(startsOf(startMeans(values, Point(p % grid1.width, p / grid1.width))));
        const StartsOfCells kept = keptStarts(starts, grid1);
        for (int y = 0; y < grid1.height; y++)
            for (int x = 0; x < grid1.width; x++)
            {
                const std::vector<Point> targets = sharedStarts(kept, grid1, grid2, Point(x, y));
                float best = -FLT_MAX;
                for (const Point& t : targets)
                    for (int j = 0; j < 4 && Rect(Point(), grid2).contains(t); j++)
                    {
                        const Point q(t.x / 2 * 2 + j % 2, t.y / 2 * 2 + j / 2);
                        if (Rect(Point(), grid2).contains(q))
                            best = std::max(best, dense.at<float>(Vec4i(y, x, q.y, q.x)));
                    }
                ASSERT_NEAR(best, found.scores.at<float>(y, x), tolerance) << grid1 << " with " << grid2 << " cells, at " << Point(x, y);
            }
    }
}

TEST(Semcorr_PatchMatch, starts_where_neighbourhoods_correlate_best)
{
    const bool optimized = cv::useOptimized();
    for (int i = 0; i < 4; i++)
    {
        SCOPED_TRACE(format("%s, instruction sets: %s", i & 1 ? "mutual" : "not mutual", i & 2 ? "all" : "the baseline"));
        cv::setUseOptimized((i & 2) != 0);
        expectStarts((i & 1) != 0);
    }
    cv::setUseOptimized(optimized);
}

// The correlation alone
static Ptr<ConsensusNet> residualNet()
{
    const int shape1[] = { 1, 1, 3, 3, 3, 3 };
    const Ptr<ConsensusNet> net = ConsensusNet::create(SYMMETRY_NONE, PADDING_INPUT);
    for (int i = 0; i < 2; i++)
        net->addBlock(Mat(6, shape1, CV_32F, Scalar(0)));
    net->setResidual(2.5);
    return net;
}

// Passes leave out what is expected to be worth less than what a cell has. Of the correlation alone, what is expected of a neighbour's
// match is known to the last bits. Where scores are rounded first, matches that they take for equal may be left.
static void checkNeighbours(const Mat& f1, const Mat& f2, bool rounds)
{
    const Mat dense = denseScores(f1, f2, residualNet());
    Scalar mean, deviation;
    meanStdDev(dense.reshape(1, 1), mean, deviation);
    const double tolerance = rounds ? 0.05 * deviation[0] : 1e-5;
    Matcher::Params params = searchParams();
    params.init = INIT_RANDOM;
    params.iterations = 1000;
    params.localRadius = 0;
    params.hypotheses = 1;
    const Found found = search(f1, f2, residualNet(), params);
    ASSERT_GT(found.stats.iterations, 2);
    const Rect grid1(Point(), found.field.size()), grid2(0, 0, f2.size[1], f2.size[0]);
    for (int y = 0; y < grid1.height; y++)
        for (int x = 0; x < grid1.width; x++)
        {
            const Point axes[] = { Point(0, -1), Point(-1, 0), Point(1, 0), Point(0, 1) };
            for (const Point& d : axes)
            {
                if (!grid1.contains(Point(x, y) + d) || found.scores.at<float>(y + d.y, x + d.x) <= found.scores.at<float>(y, x))
                    continue;
                const Point q = Point(found.field.at<Point2f>(y + d.y, x + d.x)) - d;
                const float there = grid2.contains(q) ? dense.at<float>(Vec4i(y, x, q.y, q.x)) : -FLT_MAX;
                ASSERT_LE(there, found.scores.at<float>(y, x) + tolerance) << Point(x, y) << " from " << d;
            }
        }
}

TEST(Semcorr_PatchMatch, nothing_better_is_left_at_neighbours_when_it_ends)
{
    const Mat f1 = smoothFeatures(40, 24, 0, 5), f2 = smoothFeatures(40, 24, 0.2, 5);  // more than is kept
    checkNeighbours(f1, f2, true);
    const bool optimized = useOptimized();
    setUseOptimized(false);
    checkNeighbours(f1, f2, false);
    setUseOptimized(optimized);
    checkNeighbours(smoothFeatures(15, 24, 0, 5), f2, false);  // too few cells for rounded scores
}

// Correlations are a hill: each step up is expected. One cell has no neighbours that help.
TEST(Semcorr_PatchMatch, refinement_climbs_a_hill)
{
    const Size grid2(37, 53);
    const Point top(9, 40);
    Mat f1(std::vector<int>({ 1, 1, 2 }), CV_32F, Scalar(1)), f2(std::vector<int>({ grid2.height, grid2.width, 2 }), CV_32F, Scalar(0));
    for (int y = 0; y < grid2.height; y++)
        for (int x = 0; x < grid2.width; x++)
            f2.ptr<float>(y, x)[0] = 3000.f - 1.0f * (x - top.x) * (x - top.x) - 0.7f * (y - top.y) * (y - top.y);
    Matcher::Params params = searchParams();
    params.init = INIT_RANDOM;
    params.iterations = 1000;
    params.hypotheses = 1;
    for (params.seed = 0; params.seed < 10; params.seed++)
        EXPECT_EQ(top, Point(search(f1, f2, residualNet(), params).field.at<Point2f>(0))) << params.seed;
}

// Pooled features, as there are no pictures
TEST(Semcorr_PatchMatch, coarse_to_fine_is_exact_and_the_same_for_any_number_of_threads)
{
    const Mat f1 = smoothFeatures(131, 16, 0, 3), f2 = smoothFeatures(133, 16, 0.2, 3);
    const Ptr<ConsensusNet> net = diagonalNet();
    const Matcher::Params params = searchParams();
    const int threads = getNumThreads();
    setNumThreads(1);
    const Found expected = search(f1, f2, net, params);
    for (int n = 2; n <= 7; n += 5)
    {
        setNumThreads(n);
        const Found found = search(f1, f2, net, params);
        EXPECT_TRUE(sameBits(found.field, expected.field)) << n << " threads";
        EXPECT_TRUE(sameBits(found.scores, expected.scores)) << n << " threads";
        EXPECT_EQ(found.stats.hiddenSites, expected.stats.hiddenSites) << n << " threads";
    }
    setNumThreads(threads);
    Mat cells1(200, 1, CV_32SC2), cells2(200, 1, CV_32SC2), scores, found(200, 1, CV_32F);
    for (int i = 0; i < 200; i++)
    {
        const Point p(theRNG().uniform(0, 131), theRNG().uniform(0, 131));
        cells1.at<Point>(i) = p;
        cells2.at<Point>(i) = expected.field.at<Point2f>(p);
        found.at<float>(i) = expected.scores.at<float>(p);
    }
    net->scorePairs(f1, f2, cells1, cells2, scores);
    EXPECT_TRUE(closeTo(found, scores.reshape(1, 200)));

    Matcher::Params little = params;
    little.memoryLimit = 3 << 20;
    EXPECT_ERROR(search(f1, f2, net, little), "memoryLimit is 3.1 MB");
}

// Sums of products of bytes stay within 32 bits.
TEST(Semcorr_PatchMatch, begins_right_with_very_many_channels)
{
    const Mat f1 = randomFeatures(6, 6, 150000);
    Matcher::Params params = searchParams();
    params.iterations = 0;
    Mat identity = search(f1, f1, diagonalNet(), params).field;
    for (int y = 1; y < 5; y++)
        for (int x = 1; x < 5; x++)
            EXPECT_EQ(Point2f((float)x, (float)y), identity.at<Point2f>(y, x));
}

TEST(Semcorr_PatchMatch, little_memory_gives_the_same_bits)
{
    const Ptr<ConsensusNet> nets[] = { diagonalNet(), makeNet(netCases[5], PADDING_LAYER) };
    const int sides[] = { 70, 44 }, threads = getNumThreads();
    for (int i = 0; i < 2; i++)
    {
        const Ptr<ConsensusNet>& net = nets[i];
        setNumThreads(i ? 16 : 2);  // each has its tile
        const Mat f1 = smoothFeatures(sides[i], 16, 0, 3), f2 = smoothFeatures(sides[i], 16, 0.2, 3);
        Matcher::Params params = searchParams();
        const Found expected = search(f1, f2, net, params);
        params.memoryLimit = (i ? 38 : 23) * 100000;
        const Found found = search(f1, f2, net, params);
        EXPECT_TRUE(sameBits(found.field, expected.field));
        EXPECT_TRUE(sameBits(found.scores, expected.scores));
        EXPECT_LE(found.stats.peakWorkspace, params.memoryLimit);
        EXPECT_GT(expected.stats.peakWorkspace, found.stats.peakWorkspace);
    }
    setNumThreads(threads);
}

TEST(Semcorr_PatchMatch, too_little_memory_is_an_error)
{
    const Mat f = randomFeatures(60, 60, 100);
    Matcher::Params params = searchParams();
    params.memoryLimit = 1 << 20;
    EXPECT_ERROR(search(f, f, diagonalNet(), params), "memoryLimit");
    params.memoryLimit = 6 << 20;
    EXPECT_ERROR(search(f, f, randomNet(SYMMETRY_NONE, PADDING_INPUT, 10, Vec4i(5, 5, 5, 5), Vec4i(5, 5, 5, 5)), params), "scoring the smallest tile of pairs needs");
}

// Wherever memory ends, something says so. Of one pair of cells most memory goes into what is asked of a large grid.
TEST(Semcorr_PatchMatch, less_and_less_memory_is_an_error)
{
    const Mat f1 = randomFloats({ 1, 1, 2 }, 0, 1), f2 = randomFloats({ 600, 700, 2 }, 0, 1);
    Matcher::Params params = searchParams();
    params.init = INIT_RANDOM;
    const int threads = getNumThreads();
    setNumThreads(1);  // each takes a share
    params.memoryLimit = 4 * search(f1, f2, diagonalNet(), params).stats.peakWorkspace;
    int found = 0, field = 0, onePair = 0;
    for (; params.memoryLimit > 1 << 20; params.memoryLimit -= params.memoryLimit / 16)
    {
        try
        {
            search(f1, f2, diagonalNet(), params);
            EXPECT_EQ(0, field + onePair) << params.memoryLimit << " bytes suffice, more did not";
            found++;
        }
        catch (const cv::Exception& e)
        {
            EXPECT_EQ(Error::StsNoMem, e.code);
            onePair += strstr(e.what(), "scoring one pair of cells needs more than") != 0;
            field += strstr(e.what(), "PatchMatch on 1x1 with 600x700 cells needs") != 0;
        }
    }
    setNumThreads(threads);
    EXPECT_GT(found, 0);
    EXPECT_GT(field, 0);
    EXPECT_GT(onePair, 0);
}

TEST(Semcorr_PatchMatch, unusual_grids_give_a_result)
{
    const Size grids[] = { Size(1, 1), Size(1, 7), Size(13, 1), Size(2, 3), Size(17, 5) };
    const Ptr<ConsensusNet> nets[] = { diagonalNet(), diagonalNet(PADDING_LAYER), makeNet(netCases[5], PADDING_LAYER) };
    for (const Ptr<ConsensusNet>& net : nets)
        for (const Size& grid1 : grids)
            for (const Size& grid2 : grids)
                for (int same = 0; same < 2; same++)
                {
                    Mat f1 = randomFeatures(grid1.height, grid1.width, 6), f2 = randomFeatures(grid2.height, grid2.width, 6);
                    if (same)  // a uniform picture
                    {
                        f1.setTo(0.4f);
                        f2.setTo(0.4f);
                    }
                    Matcher::Params params = searchParams();
                    params.bidirectional = params.mutual = same > 0;
                    params.refine = REFINE_SOFT_ARGMAX;
                    params.randomSearch = true;
                    const Found found = search(f1, f2, net, params);
                    ASSERT_EQ(found.field.size(), grid1);
                    EXPECT_TRUE(checkRange(found.field, true, 0, 0, std::max(grid2.width, grid2.height)));
                    EXPECT_TRUE(checkRange(found.scores));
                }
}

static double meanScore(const Mat& f1, const Mat& f2, Matcher::Params params, int iterations)
{
    params.iterations = iterations;
    return mean(search(f1, f2, diagonalNet(), params).scores)[0];
}

TEST(Semcorr_PatchMatch, converges_to_nearly_the_dense_scores)
{
    const Mat f1 = smoothFeatures(32, 32, 0, 5), f2 = smoothFeatures(32, 32, 0.25, 5);
    Mat field, best;
    bestMatches(denseScores(f1, f2, diagonalNet()), field, best);
    const double dense = mean(best)[0];
    for (int init = INIT_CORRELATION; init <= INIT_RANDOM; init++)
    {
        Matcher::Params params = searchParams();
        params.init = init;
        params.randomSearch = init == INIT_RANDOM;
        double before = meanScore(f1, f2, params, 0);
        for (int iterations = 1; iterations < 5; iterations++)
        {
            const double now = meanScore(f1, f2, params, iterations);
            EXPECT_GE(now, before) << "init " << init << ", iterations " << iterations;
            before = now;
        }
        EXPECT_GT(meanScore(f1, f2, params, 12), (init == INIT_RANDOM ? 0.99 : 0.9995) * dense) << "init " << init;
    }
}

// Cells of few kinds: a single one says little about where it is, its 3×3 neighbours at the same displacement do.
TEST(Semcorr_PatchMatch, begins_where_neighbourhoods_correspond)
{
    const int side = 41, shift = 3, kinds = 5;
    const Mat kind = randomFeatures(kinds, 1, 24);
    int shape[] = { side, side, 24 };
    Mat f1(3, shape, CV_32F), f2(3, shape, CV_32F);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            std::copy_n(kind.ptr<float>(theRNG().uniform(0, kinds), 0), 24, f1.ptr<float>(y, x));
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++)
            std::copy_n(f1.ptr<float>((y + shift) % side, (x + 1) % side), 24, f2.ptr<float>(y, x));
    Matcher::Params params = searchParams();
    params.iterations = 0;
    params.localRadius = 0;
    const Mat field = search(f1, f2, diagonalNet(), params).field;
    int right = 0;
    for (int y = shift + 1; y < side - 1; y++)
        for (int x = 2; x < side - 1; x++)
            right += field.at<Point2f>(y, x) == Point2f(x - 1.f, y - (float)shift);
    EXPECT_GT(right, 0.99 * (side - shift - 2) * (side - 3));
}

static int cellsApart(const Mat& a, const Mat& b)
{
    return countNonZero(abs(a - b) > 1e-5 * cvtest::norm(b, NORM_INF));
}

// Starts come from integers, so that they are the same for all instruction sets. Of matches that score nearly the same, where rounded
// scores decide what gets an exact one, another one may be found.
TEST(Semcorr_PatchMatch, instruction_sets_begin_alike)
{
    const bool optimized = useOptimized();
    for (int round = 0; round < 12; round++)
    {
        const int channels = theRNG().uniform(1, 40);
        const Mat f1 = randomFeatures(randomSide(40), randomSide(40), channels);
        const Mat f2 = randomFeatures(randomSide(40), randomSide(40), channels);
        Matcher::Params params = searchParams();
        params.iterations = 0;
        params.mutual = round % 2 > 0;
        const Found fast = search(f1, f2, diagonalNet(), params);
        setUseOptimized(false);
        const Found plain = search(f1, f2, diagonalNet(), params);
        setUseOptimized(optimized);
        EXPECT_LE(cellsApart(fast.scores, plain.scores), (int)fast.scores.total() / 100) << shapeText(f1) << " with " << shapeText(f2);
    }
}

// Where bytes are multiplied faster, starts get rounded scores, and the best of them exact ones: few, and the right ones
TEST(Semcorr_PatchMatch, rounded_scores_tell_the_best)
{
    const bool optimized = useOptimized();
    int toldNothing[3] = { 0, 0, 0 };  // diagonal nets, random ones, symmetric ones
    for (int i = 0; i < 8; i++)
    {
        const int padding = i & 1 ? PADDING_LAYER : PADDING_INPUT;
        const Ptr<ConsensusNet> net = i & 2 ? makeNet(netCases[i & 4 ? 2 : 1], padding) : diagonalNet(padding);
        const Mat f1 = smoothFeatures(38, 21, 0, 3 + i), f2 = smoothFeatures(45, 21, 0.2, 3 + i);
        Matcher::Params params = searchParams();
        params.iterations = params.localRadius = 0;
        params.mutual = i == 4;
        const Found fast = search(f1, f2, net, params);
        setUseOptimized(false);
        const Found plain = search(f1, f2, net, params);
        setUseOptimized(optimized);
        EXPECT_LE(cellsApart(fast.scores, plain.scores), 3) << "net " << i;
        // twice as many if rounding tells nothing, which may be with random weights
        toldNothing[i / 2 % 2 * (1 + i / 4)] += fast.stats.pairsScored > 1.9 * plain.stats.pairsScored;
    }
    EXPECT_EQ(0, toldNothing[0]);
    EXPECT_LT(toldNothing[1], 2);
    EXPECT_LT(toldNothing[2], 2);
}

// Two channels whose large parts cancel: their difference, that of diagonalNet, is lost when they are rounded to 8 bits.
static Ptr<ConsensusNet> cancellingNet()
{
    const int shape1[] = { 2, 1, 3, 3, 3, 3 }, shape2[] = { 1, 2, 3, 3, 3, 3 };
    Mat w1(6, shape1, CV_32F, Scalar(0)), w2(6, shape2, CV_32F, Scalar(0));
    for (int channel = 0; channel < 2; channel++)
        for (int tap = 0; tap < 9; tap++)
        {
            const int index1[] = { channel, 0, tap / 3, tap % 3, tap / 3, tap % 3 }, large[] = { channel, 0, 1, 1, 2, 0 };
            const int index2[] = { 0, channel, tap / 3, tap % 3, tap / 3, tap % 3 };
            w1.at<float>(index1) = channel ? 0.f : 0.1f + 0.01f * tap;
            w1.at<float>(large) = 200;
            w2.at<float>(index2) = (channel ? -1 : 1) * (0.2f - 0.01f * tap);
        }
    const Ptr<ConsensusNet> net = ConsensusNet::create(SYMMETRY_NONE, PADDING_INPUT);
    net->addBlock(w1);
    net->addBlock(w2);
    return net;
}

// Where rounded scores tell nothing, everything gets an exact one.
TEST(Semcorr_PatchMatch, exact_scores_decide_where_rounded_ones_cannot)
{
    const bool optimized = useOptimized();
    Mat f1 = smoothFeatures(33, 20, 0, 3), f2 = smoothFeatures(33, 20, 0.2, 3);
    Matcher::Params params = searchParams();
    params.iterations = 0;
    const Found fast = search(f1, f2, cancellingNet(), params);
    setUseOptimized(false);
    const Found plain = search(f1, f2, cancellingNet(), params);
    setUseOptimized(optimized);
    EXPECT_LE(cvtest::norm(fast.scores, plain.scores, NORM_INF), 1e-3 * cvtest::norm(plain.scores, NORM_INF));
}

// The point of it all: work grows with the number of cells, not with its square
TEST(Semcorr_PatchMatch, work_per_cell_hardly_grows)
{
    double pairs[2], sites[2];
    for (int i = 0; i < 2; i++)
    {
        const int side = i ? 80 : 40;
        const Mat f1 = smoothFeatures(side, 16, 0, 7), f2 = smoothFeatures(side, 16, 0.1, 7);
        const Found found = search(f1, f2, diagonalNet(), searchParams());
        pairs[i] = (double)found.stats.pairsScored / (side * side);
        sites[i] = (double)found.stats.hiddenSites / (side * side);
        EXPECT_EQ(found.stats.mode, (int)SEARCH_PATCHMATCH);
        EXPECT_LT(pairs[i], 100);
        EXPECT_LT(found.stats.peakWorkspace, (size_t)(i ? 60 : 40) << 20);
    }
    EXPECT_LT(pairs[1], 1.5 * pairs[0]);
    EXPECT_LT(sites[1], 2 * sites[0]);
}

TEST(Semcorr_PatchMatch, symmetric_pictures_match_both_ways)
{
    Mat small(24, 24, CV_8UC3), image;
    randu(small, 0, 256);
    cv::resize(small, image, Size(192, 192), 0, 0, INTER_NEAREST);
    Matcher::Params params = searchParams();
    params.bidirectional = true;
    const Ptr<Matcher> matcher = Matcher::create(makePtr<ColourFeatures>(8), diagonalNet(), params);
    Mat flow, confidence;
    matcher->match(image, image, flow, confidence);
    EXPECT_LE(cvtest::norm(flow, NORM_INF), 1e-3);
    EXPECT_GT(mean(confidence)[0], 0.99);
}

static Matcher::Stats statsOf(const Ptr<Matcher>& matcher, const Matcher::Params& params, int side)
{
    const Mat f1 = smoothFeatures(side, 12, 0, 1), f2 = smoothFeatures(side, 12, 0.2, 1);
    Mat field;
    matcher->setParams(params);
    matcher->matchFeatures(f1, f2, field);
    return matcher->getStats();
}

// Counts of work, not times: the documented model of SEARCH_AUTO against what the two searches do
TEST(Semcorr_PatchMatch, auto_takes_the_cheaper_search)
{
    const Ptr<Matcher> shared = Matcher::create(makePtr<ColourFeatures>(16), makeNet(netCases[0], PADDING_INPUT));
    Matcher::Params params = searchParams(SEARCH_AUTO), dense = searchParams(SEARCH_DENSE_4D);
    EXPECT_EQ(SEARCH_DENSE_4D, statsOf(shared, params, 16).mode);
    EXPECT_EQ(SEARCH_DENSE_4D, statsOf(shared, params, 25).mode);   // 625 cells
    EXPECT_EQ(SEARCH_PATCHMATCH, statsOf(shared, params, 26).mode); // 676 cells
    EXPECT_EQ((int64)42 * 42 * 42 * 42, statsOf(shared, dense, 40).hiddenSites);  // with a cell around the grids

    params.mutual = true;
    EXPECT_EQ(SEARCH_DENSE_4D, statsOf(shared, params, 32).mode);
    params.mutual = false;

    // a net whose work is not shared is searched by PatchMatch only where memory wants it
    setNumThreads(2);  // each has its memory
    const Ptr<Matcher> other = Matcher::create(makePtr<ColourFeatures>(16), makeNet(netCases[5], PADDING_INPUT));
    EXPECT_EQ(SEARCH_DENSE_4D, statsOf(other, params, 32).mode);
    params.memoryLimit = 4 << 20;
    testing::internal::CaptureStderr();
    const Matcher::Stats limited = statsOf(other, params, 32);
    EXPECT_NE(std::string::npos, testing::internal::GetCapturedStderr().find("may take very long"));
    EXPECT_EQ(SEARCH_PATCHMATCH, limited.mode);
    EXPECT_LE(limited.peakWorkspace, params.memoryLimit);
}

}}
