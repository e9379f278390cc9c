// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "evaluation.hpp"
#include "checks.hpp"
#include "utf8.hpp"

#include <map>
#include <random>

namespace cv { namespace semcorr {

PCKIntervals::PCKIntervals()
{
}

PCKComparison::PCKComparison() : pairs(0)
{
}

struct Bootstrap
{
    int resamples;
    double confidence;
    int seed;

    Bootstrap(int resamples_, double confidence_, int seed_) : resamples(resamples_), confidence(confidence_), seed(seed_)
    {
        checkRange(resamples, 10, 1000000, "resamples");
        if (!(confidence > 0 && confidence < 1))
            CV_Error(Error::StsOutOfRange, format("confidence is %g, expected a number between 0 and 1", confidence));
    }

    // resamples×A: the figures of `pairs` drawn with replacement. A stream has the same draws for any two results.
    Mat draw(const PCKResult& result, const std::vector<int>& pairs, int stream) const
    {
        std::seed_seq seeds = { (unsigned)seed, (unsigned)stream };
        std::mt19937 random(seeds);  // the same everywhere, other than the distributions of the standard library
        Mat shares(resamples, (int)result.alphas.size(), CV_64F);
        std::vector<int> drawn(pairs.size());
        for (int s = 0; s < resamples; s++)
        {
            for (size_t i = 0; i < drawn.size(); i++)
                drawn[i] = pairs[(size_t)(((uint64)random() * pairs.size()) >> 32)];
            shareOf(result, drawn, shares.ptr<double>(s));
        }
        return shares;
    }

    // resamples×A of each group of pairs, from stream `stream` on
    std::vector<Mat> draw(const PCKResult& result, const std::vector<std::vector<int> >& groups, int stream) const
    {
        std::vector<Mat> shares;
        for (size_t g = 0; g < groups.size(); g++)
            shares.push_back(draw(result, groups[g], stream + (int)g));
        return shares;
    }

    // A×1 CV_64FC2: lower and upper end for each column, linearly interpolated between two draws
    Mat interval(const Mat& shares) const
    {
        Mat ends(shares.cols, 1, CV_64FC2);
        for (int a = 0; a < shares.cols; a++)
        {
            std::vector<double> sorted = shares.col(a).clone();
            std::sort(sorted.begin(), sorted.end());
            ends.at<Vec2d>(a) = Vec2d(quantile(sorted, (1 - confidence) / 2), quantile(sorted, (1 + confidence) / 2));
        }
        return ends;
    }

private:
    static double quantile(const std::vector<double>& sorted, double q)
    {
        const double place = q * (sorted.size() - 1);
        const size_t i = std::min((size_t)place, sorted.size() - 2);
        return sorted[i] + (place - i) * (sorted[i + 1] - sorted[i]);
    }
};

// Streams of random numbers: 0 for all pairs, then one for each category, then from here one for each level of nuisances
static const int NUISANCE_STREAM = 1 << 20;

static Mat meanOf(const std::vector<Mat>& mats)
{
    Mat sum = mats[0].clone();
    for (size_t i = 1; i < mats.size(); i++)
        sum += mats[i];
    return sum / (double)mats.size();
}

// rows×A CV_64FC2
static Mat intervalsOf(const Bootstrap& bootstrap, const std::vector<Mat>& shares, int alphas)
{
    Mat table(0, alphas, CV_64FC2);
    for (size_t r = 0; r < shares.size(); r++)
        table.push_back(bootstrap.interval(shares[r]).reshape(2, 1));
    return table;
}

PCKIntervals bootstrapPCK(const PCKResult& given, int resamples, double confidence, int seed)
{
    const Bootstrap bootstrap(resamples, confidence, seed);
    checkResult(given, "result");
    const PCKResult result = selectPairs(given, allMembers(given));  // with tables that are sure to fit the counts
    const std::vector<Mat> categories = bootstrap.draw(result, categoryMembers(result), 1);
    const std::vector<Mat> nuisances = bootstrap.draw(result, nuisanceMembers(result), NUISANCE_STREAM);
    const int alphas = (int)result.alphas.size();
    PCKIntervals intervals;
    intervals.overall = bootstrap.interval(bootstrap.draw(result, allMembers(result), 0));
    intervals.mean = bootstrap.interval(meanOf(categories));
    intervals.perCategory = intervalsOf(bootstrap, categories, alphas);
    intervals.perNuisance = intervalsOf(bootstrap, nuisances, alphas);
    return intervals;
}

// The pairs of result1 that result2 has, too, as indices into both
static void commonPairs(const PCKResult& result1, const PCKResult& result2, std::vector<int>& pairs1, std::vector<int>& pairs2)
{
    std::map<String, int> places;
    for (size_t i = 0; i < result2.ids.size(); i++)
        places[result2.ids[i]] = (int)i;
    for (size_t i = 0; i < result1.ids.size(); i++)
    {
        const std::map<String, int>::const_iterator place = places.find(result1.ids[i]);
        if (place == places.end())
            continue;
        if (result1.points.at<int>((int)i) != result2.points.at<int>(place->second))
            CV_Error(Error::StsUnmatchedSizes, format("pair \"%s\" has %d points in result1 and %d in result2, expected as many",
                                                      printable(result1.ids[i]).c_str(), result1.points.at<int>((int)i),
                                                      result2.points.at<int>(place->second)));
        pairs1.push_back((int)i);
        pairs2.push_back(place->second);
    }
    if (pairs1.empty())
        CV_Error(Error::StsBadArg, "no pair is in both results, expected results on the same data set");
}

static std::vector<double> pValues(const Mat& differences)
{
    std::vector<double> values;
    for (int a = 0; a < differences.cols; a++)
    {
        const Mat column = differences.col(a);
        const int few = differences.rows - std::max(countNonZero(column > 0), countNonZero(column < 0));
        values.push_back(std::min(2. * std::max(few, 1) / differences.rows, 1.));
    }
    return values;
}

static std::vector<double> difference(const std::vector<double>& a, const std::vector<double>& b)
{
    std::vector<double> result;
    for (size_t i = 0; i < a.size(); i++)
        result.push_back(b[i] - a[i]);
    return result;
}

PCKComparison comparePCK(const PCKResult& given1, const PCKResult& given2, int resamples, double confidence, int seed)
{
    const Bootstrap bootstrap(resamples, confidence, seed);
    checkResult(given1, "result1");
    checkResult(given2, "result2");
    if (given1.alphas != given2.alphas || given1.reference != given2.reference || given1.flags != given2.flags)
        CV_Error(Error::StsBadArg, format("alphas, reference (%d and %d) or flags (%d and %d) differ, expected one convention",
                                          given1.reference, given2.reference, given1.flags, given2.flags));
    std::vector<int> pairs1, pairs2;
    commonPairs(given1, given2, pairs1, pairs2);
    const PCKResult result1 = selectPairs(given1, pairs1), result2 = selectPairs(given2, pairs2);
    const std::vector<std::vector<int> > categories = categoryMembers(result1);
    if (result1.categories != result2.categories || result1.pairCategories != result2.pairCategories)
        CV_Error(Error::StsBadArg, "the categories of the pairs differ, expected results on the same data set");
    const Mat mean = meanOf(bootstrap.draw(result2, categories, 1)) - meanOf(bootstrap.draw(result1, categories, 1));
    const std::vector<int> all = allMembers(result1);
    const Mat overall = bootstrap.draw(result2, all, 0) - bootstrap.draw(result1, all, 0);
    PCKComparison comparison;
    comparison.pairs = (int)all.size();
    comparison.mean = difference(result1.mean, result2.mean);
    comparison.meanInterval = bootstrap.interval(mean);
    comparison.meanP = pValues(mean);
    comparison.overall = difference(result1.overall, result2.overall);
    comparison.overallInterval = bootstrap.interval(overall);
    comparison.overallP = pValues(overall);
    for (int a = 0; a < result1.correct.cols; a++)
    {
        comparison.better.push_back(countNonZero(result2.correct.col(a) > result1.correct.col(a)));
        comparison.worse.push_back(countNonZero(result2.correct.col(a) < result1.correct.col(a)));
    }
    return comparison;
}

}}
