// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "precomp.hpp"
#include "evaluation.hpp"
#include "checks.hpp"
#include "utf8.hpp"

#include <set>

namespace cv { namespace semcorr {

static const char* const NUISANCES[] = { "viewpoint", "scale", "truncation", "occlusion" };
static const int NUISANCE_COUNT = 4;

PCKResult::PCKResult() : reference(REF_KEYPOINT_BOX), flags(0)
{
}

std::vector<std::vector<int> > categoryMembers(const PCKResult& result)
{
    std::vector<std::vector<int> > members(result.categories.size());
    for (size_t i = 0; i < result.pairCategories.size(); i++)
        members[result.pairCategories[i]].push_back((int)i);
    return members;
}

std::vector<std::vector<int> > nuisanceMembers(const PCKResult& result)
{
    std::vector<std::vector<int> > members(result.nuisances.size());
    for (size_t r = 0; r < members.size(); r++)
    {
        const int column = (int)(std::find(NUISANCES, NUISANCES + NUISANCE_COUNT, result.nuisances[r]) - NUISANCES);
        for (int i = 0; i < result.pairLevels.rows && column < NUISANCE_COUNT; i++)
            if (result.pairLevels.at<int>(i, column) == result.nuisanceLevels[r])
                members[r].push_back(i);
    }
    return members;
}

std::vector<int> allMembers(const PCKResult& result)
{
    std::vector<int> members(result.ids.size());
    for (size_t i = 0; i < members.size(); i++)
        members[i] = (int)i;
    return members;
}

void shareOf(const PCKResult& result, const std::vector<int>& pairs, double* shares)
{
    const int alphas = (int)result.alphas.size();
    const bool perPoint = (result.flags & PCK_PER_POINT) != 0;
    double total = 0;
    std::fill(shares, shares + alphas, 0.);
    for (size_t i = 0; i < pairs.size(); i++)
    {
        const int points = result.points.at<int>(pairs[i]);
        const int* correct = result.correct.ptr<int>(pairs[i]);
        total += perPoint ? points : 1;
        for (int a = 0; a < alphas; a++)
            shares[a] += perPoint ? correct[a] : (double)correct[a] / points;
    }
    for (int a = 0; a < alphas; a++)
        shares[a] /= total;
}

static Mat sharesOf(const PCKResult& result, const std::vector<std::vector<int> >& members, std::vector<int>& sizes)
{
    Mat shares((int)members.size(), (int)result.alphas.size(), CV_64F);
    sizes.clear();
    for (int r = 0; r < shares.rows; r++)
    {
        shareOf(result, members[r], shares.ptr<double>(r));
        sizes.push_back((int)members[r].size());
    }
    return shares;
}

// Everything that follows from alphas, flags, ids, pairLevels, points, correct, and `names`: the category of each pair
static void tabulate(PCKResult& result, const std::vector<String>& names)
{
    const std::set<String> different(names.begin(), names.end());
    result.categories.assign(different.begin(), different.end());
    result.pairCategories.clear();
    for (size_t i = 0; i < names.size(); i++)
        result.pairCategories.push_back((int)std::distance(different.begin(), different.find(names[i])));
    result.nuisances.clear();
    result.nuisanceLevels.clear();
    for (int n = 0; n < NUISANCE_COUNT; n++)
    {
        std::set<int> levels;
        for (int i = 0; i < result.pairLevels.rows; i++)
            if (result.pairLevels.at<int>(i, n) >= 0)
                levels.insert(result.pairLevels.at<int>(i, n));
        result.nuisances.insert(result.nuisances.end(), levels.size(), NUISANCES[n]);
        result.nuisanceLevels.insert(result.nuisanceLevels.end(), levels.begin(), levels.end());
    }
    result.perCategory = sharesOf(result, categoryMembers(result), result.categoryPairs);
    result.perNuisance = sharesOf(result, nuisanceMembers(result), result.nuisancePairs);
    const int alphas = (int)result.alphas.size();
    result.mean.assign(alphas, 0);
    for (int a = 0; a < alphas; a++)
        result.mean[a] = cv::sum(result.perCategory.col(a))[0] / result.perCategory.rows;
    result.overall.resize(alphas);
    shareOf(result, allMembers(result), &result.overall[0]);
    result.perPair.create(result.correct.size(), CV_64F);
    for (int i = 0; i < result.correct.rows; i++)
        for (int a = 0; a < alphas; a++)
            result.perPair.at<double>(i, a) = (double)result.correct.at<int>(i, a) / result.points.at<int>(i);
}

static void checkCounts(const Mat& points, const Mat& correct, int pairs, int alphas, const String& prefix)
{
    if (points.type() != CV_32S || points.dims != 2 || points.rows != pairs || points.cols != 1)
        CV_Error(Error::StsBadSize, format("%spoints is %s of type %s, expected %dx1 of type CV_32S", prefix.c_str(),
                                           shapeOf(points).c_str(), typeToString(points.type()).c_str(), pairs));
    if (correct.type() != CV_32S || correct.dims != 2 || correct.rows != pairs || correct.cols != alphas)
        CV_Error(Error::StsBadSize, format("%scorrect is %s of type %s, expected %dx%d of type CV_32S", prefix.c_str(),
                                           shapeOf(correct).c_str(), typeToString(correct.type()).c_str(), pairs, alphas));
    for (int i = 0; i < pairs; i++)
        for (int a = 0; a < alphas; a++)
            if (correct.at<int>(i, a) < 0 || correct.at<int>(i, a) > points.at<int>(i) || points.at<int>(i) < 1)
                CV_Error(Error::StsOutOfRange, format("%spair %d has %d of %d points correct, expected 0 to all, of at least one",
                                                      prefix.c_str(), i, correct.at<int>(i, a), points.at<int>(i)));
}

static void checkIds(const std::vector<String>& ids, const String& prefix)
{
    std::set<String> seen;
    if (ids.empty())
        CV_Error(Error::StsBadArg, prefix + "pairs is empty, expected at least one");
    for (size_t i = 0; i < ids.size(); i++)
        if (!seen.insert(ids[i]).second)
            CV_Error(Error::StsBadArg, format("%stwo pairs have the id \"%s\", expected different ones", prefix.c_str(),
                                              printable(ids[i]).c_str()));
}

PCKResult summarizePCK(const std::vector<ImagePair>& pairs, InputArray points, InputArray correct,
                       const std::vector<double>& alphas, int reference, int flags)
{
    checkAlphas(alphas);
    checkConvention(reference, flags);
    PCKResult result;
    result.alphas = alphas;
    result.reference = reference;
    result.flags = flags;
    std::vector<String> names;
    result.pairLevels.create((int)pairs.size(), NUISANCE_COUNT, CV_32S);
    for (size_t i = 0; i < pairs.size(); i++)
    {
        const ImagePair& pair = pairs[i];
        const int levels[NUISANCE_COUNT] = { pair.viewpoint, pair.scale, pair.truncation, pair.occlusion };
        std::copy(levels, levels + NUISANCE_COUNT, result.pairLevels.ptr<int>((int)i));
        result.ids.push_back(pair.id.empty() ? format("%d", (int)i) : pair.id);
        names.push_back(pair.category);
    }
    checkIds(result.ids, "");
    result.points = points.getMat().clone();
    if (result.points.total() == pairs.size())
        result.points = result.points.reshape(1, (int)pairs.size());
    result.correct = correct.getMat().clone();
    checkCounts(result.points, result.correct, (int)pairs.size(), (int)alphas.size(), "");
    tabulate(result, names);
    return result;
}

void checkResult(const PCKResult& result, const char* name)
{
    const String prefix = String(name) + ": ";
    const int pairs = (int)result.ids.size(), categories = (int)result.categories.size();
    checkAlphas(result.alphas);
    checkConvention(result.reference, result.flags);
    checkIds(result.ids, prefix);
    checkCounts(result.points, result.correct, pairs, (int)result.alphas.size(), prefix);
    const Mat& levels = result.pairLevels;
    if (levels.type() != CV_32S || levels.dims != 2 || levels.rows != pairs || levels.cols != NUISANCE_COUNT)
        CV_Error(Error::StsBadSize, format("%spairLevels is %s of type %s, expected %dx%d of type CV_32S", prefix.c_str(),
                                           shapeOf(levels).c_str(), typeToString(levels.type()).c_str(), pairs, NUISANCE_COUNT));
    if ((int)result.pairCategories.size() != pairs)
        CV_Error(Error::StsBadSize, format("%spairCategories has %d values, expected %d", prefix.c_str(),
                                           (int)result.pairCategories.size(), pairs));
    for (int category : result.pairCategories)
        if (category < 0 || category >= categories)
            CV_Error(Error::StsOutOfRange, format("%sa pair has category %d, expected one of %d", prefix.c_str(), category,
                                                  categories));
}

PCKResult selectPairs(const PCKResult& result, const std::vector<int>& pairs)
{
    PCKResult part;
    part.alphas = result.alphas;
    part.reference = result.reference;
    part.flags = result.flags;
    std::vector<String> names;
    for (int i : pairs)
    {
        part.ids.push_back(result.ids[i]);
        names.push_back(result.categories[result.pairCategories[i]]);
        part.pairLevels.push_back(result.pairLevels.row(i));
        part.points.push_back(result.points.row(i));
        part.correct.push_back(result.correct.row(i));
    }
    tabulate(part, names);
    return part;
}

}}
