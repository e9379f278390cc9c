// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// Figures of the evaluation as a table, CSV and JSON (its schema is in tutorials/semcorr_evaluate.markdown)

#ifndef OPENCV_SEMCORR_SAMPLES_EVALUATE_REPORT_HPP
#define OPENCV_SEMCORR_SAMPLES_EVALUATE_REPORT_HPP

#include <cstdio>
#include "options.hpp"
#include "storage.hpp"

namespace evaluate {

// One line of the table
struct Row
{
    std::string group, name;  // group: mean, overall, category, nuisance, leak-free mean, leak-free overall
    int pairs;
    Mat shares;     // A×1 CV_64F
    Mat intervals;  // A×1 CV_64FC2
};

// What was measured of one method on the pairs
struct Evaluation
{
    Method method;
    std::string modelSum, backboneSum, dataSum;  // SHA-256; backboneSum: empty without --backbone
    std::vector<semcorr::ImagePair> pairs;
    std::vector<std::vector<float> > values;     // Predictor::predict of each pair
    semcorr::PCKResult result;
    std::vector<Row> rows;
};

// Some of the pairs, with what belongs to them
inline Evaluation subset(const Evaluation& all, const std::vector<size_t>& chosen)
{
    Evaluation part;
    for (size_t i : chosen)
    {
        part.pairs.push_back(all.pairs[i]);
        part.values.push_back(all.values[i]);
    }
    return part;
}

inline semcorr::PCKResult measure(const Evaluation& e, const Options& options)
{
    const int pairs = (int)e.pairs.size(), alphas = (int)options.alphas.size();
    if (options.dataset != "tss")
    {
        std::vector<Mat> predicted;
        for (const std::vector<float>& values : e.values)
            predicted.push_back(Mat(values).reshape(2));
        return semcorr::computePCK(e.pairs, predicted, options.alphas, options.convention.reference, options.convention.flags());
    }
    Mat points(pairs, 1, CV_32S), correct(pairs, alphas, CV_32S);
    for (int i = 0; i < pairs; i++)
    {
        points.at<int>(i) = (int)e.values[i][0];
        for (int a = 0; a < alphas; a++)
            correct.at<int>(i, a) = (int)e.values[i][a + 1];
    }
    return semcorr::summarizePCK(e.pairs, points, correct, options.alphas, options.convention.reference,
                                 options.convention.flags());
}

// Measures true places as if they had been found, so that what the convention or the comparison lacks (say, boxes of objects)
// is said before the long work. other: result to compare with; without pairs: none
inline void rehearse(const std::vector<semcorr::ImagePair>& pairs, const Options& options, const semcorr::PCKResult& other)
{
    if (options.dataset == "tss")
        return;  // what counts is known only of flows that were read
    Evaluation e;
    e.pairs = pairs;
    for (const semcorr::ImagePair& pair : pairs)
    {
        const Mat& truth = options.convention.backwards ? pair.points1 : pair.points2;
        e.values.push_back(std::vector<float>(truth.ptr<float>(), truth.ptr<float>() + 2 * truth.total()));
    }
    const semcorr::PCKResult result = measure(e, options);
    if (!other.ids.empty())
        semcorr::comparePCK(other, result, 10);
}

inline std::vector<Row> rowsOf(const semcorr::PCKResult& r, const Options& options, const std::string& prefix = "")
{
    const semcorr::PCKIntervals intervals = semcorr::bootstrapPCK(r, options.resamples, 0.95, options.seed);
    const int pairs = (int)r.ids.size();
    std::vector<Row> rows;
    for (int c = 0; c < r.perCategory.rows; c++)
        rows.push_back({ prefix + "category", r.categories[c], r.categoryPairs[c], r.perCategory.row(c).t(),
                         intervals.perCategory.row(c).t() });
    rows.push_back({ prefix + "mean", prefix + "mean over categories", pairs, Mat(r.mean, true), intervals.mean });
    rows.push_back({ prefix + "overall", prefix + (r.flags & semcorr::PCK_PER_POINT ? "all points" : "all pairs"), pairs,
                     Mat(r.overall, true), intervals.overall });
    for (int i = 0; i < r.perNuisance.rows; i++)
        rows.push_back({ prefix + "nuisance", format("%s %d", r.nuisances[i].c_str(), r.nuisanceLevels[i]), r.nuisancePairs[i],
                         r.perNuisance.row(i).t(), intervals.perNuisance.row(i).t() });
    return rows;
}

// Fills in result and rows. Where it is known which test pairs are training pairs, too, the others are also measured alone.
inline void finish(Evaluation& e, const Options& options)
{
    e.result = measure(e, options);
    e.rows = rowsOf(e.result, options);
    std::vector<size_t> unseen;
    for (size_t i = 0; i < e.pairs.size(); i++)
        if (e.pairs[i].leaked == 0)
            unseen.push_back(i);
    if (unseen.empty())
        return;
    for (const Row& row : rowsOf(measure(subset(e, unseen), options), options, "leak-free "))
        if (row.group == "leak-free mean" || row.group == "leak-free overall")
            e.rows.push_back(row);
}

inline std::string conventionText(const Options& o)
{
    if (o.dataset == "tss")
        return "share of pixels within alpha * max(width, height) of the other image";
    const Convention& c = o.convention;
    return "PCK per " + perNames[c.perPoint] + ", alpha * " + referenceNames[c.reference] +
           (c.reference == semcorr::REF_IMAGE ? " size, " : " box, ") + coordinatesNames[c.square] + " pixels, " +
           directionNames[c.backwards] + (c.cornerCells ? ", corner-aligned cells" : "");
}

// Figures in percent with their 95 % confidence intervals
inline void printTable(const std::vector<Row>& rows, const Options& options)
{
    size_t width = 8;
    for (const Row& row : rows)
        width = std::max(width, row.name.size());
    printf("%s\n\n%*s  pairs", conventionText(options).c_str(), (int)width, "");
    for (double alpha : options.alphas)
        printf("  %-20s", format("@%s", shortest(alpha).c_str()).c_str());
    for (size_t i = 0; i < rows.size(); i++)
    {
        const Row& row = rows[i];
        if (row.group == "nuisance" && !options.nuisance)
            continue;
        const bool together = row.group.find("overall") != std::string::npos || (i > 0 && row.group == rows[i - 1].group);
        printf("%s%-*s %6d", together ? "\n" : "\n\n", (int)width, row.name.c_str(), row.pairs);
        for (int a = 0; a < row.shares.rows; a++)
        {
            const Vec2d& ends = row.intervals.at<Vec2d>(a);
            printf("  %5.1f [%5.1f, %5.1f]", 100 * row.shares.at<double>(a), 100 * ends[0], 100 * ends[1]);
        }
    }
    printf("\n\n");
}

// Fields with a comma or a quote stand in quotes.
inline std::string csvField(std::string text)
{
    if (text.find_first_of(",\"\n") == std::string::npos)
        return text;
    for (size_t i = 0; (i = text.find('"', i)) != std::string::npos; i += 2)
        text.insert(i, 1, '"');
    return "\"" + text + "\"";
}

inline std::string toCsv(const std::vector<Evaluation>& evaluations, const Options& options)
{
    std::string text = "method,group,name,pairs";
    for (double alpha : options.alphas)
        text += format(",pck@%s,low@%s,high@%s", shortest(alpha).c_str(), shortest(alpha).c_str(), shortest(alpha).c_str());
    for (const Evaluation& e : evaluations)
        for (const Row& row : e.rows)
        {
            text += "\n" + csvField(e.method.name) + "," + row.group + "," + csvField(row.name) + "," + format("%d", row.pairs);
            for (int a = 0; a < row.shares.rows; a++)
                text += "," + shortest(row.shares.at<double>(a)) + "," + shortest(row.intervals.at<Vec2d>(a)[0]) + "," +
                        shortest(row.intervals.at<Vec2d>(a)[1]);
        }
    return text + "\n";
}

// JSON text of values

inline std::string quoted(const std::string& text)
{
    std::string json = "\"";
    for (char c : text)
        if (c == '"' || c == '\\')
            json += std::string("\\") + c;
        else if ((unsigned char)c < ' ')
            json += c == '\n' ? "\\n" : c == '\t' ? "\\t" : format("\\u%04x", c);
        else
            json += c;
    return json + "\"";
}

inline std::string array(const std::vector<std::string>& values, const std::string& separator = ", ")
{
    return "[" + joined(values, separator) + "]";
}

typedef std::vector<std::pair<std::string, std::string> > Members;  // names and JSON texts

inline std::string object(const Members& members, const std::string& before = "", const std::string& after = "")
{
    std::string json = "{";
    for (size_t i = 0; i < members.size(); i++)
        json += (i ? before.empty() ? ", " : "," : "") + before + quoted(members[i].first) + ": " + members[i].second;
    return json + after + "}";
}

inline std::string sharesJson(const Row& row)
{
    std::vector<std::string> values;
    for (int a = 0; a < row.shares.rows; a++)
        values.push_back(shortest(row.shares.at<double>(a)));
    return array(values);
}

inline std::string intervalsJson(const Row& row)
{
    std::vector<std::string> values;
    for (int a = 0; a < row.intervals.rows; a++)
        values.push_back(array({ shortest(row.intervals.at<Vec2d>(a)[0]), shortest(row.intervals.at<Vec2d>(a)[1]) }));
    return array(values);
}

inline std::string pairJson(const Evaluation& e, int i, bool withPoints)
{
    const semcorr::ImagePair& pair = e.pairs[i];
    Members members = { { "id", quoted(pair.id) }, { "category", quoted(pair.category) } };
    const std::pair<const char*, int> levels[] = { { "viewpoint", pair.viewpoint }, { "scale", pair.scale },
                                                   { "truncation", pair.truncation }, { "occlusion", pair.occlusion },
                                                   { "leaked", pair.leaked } };
    for (const std::pair<const char*, int>& level : levels)
        if (level.second >= 0)
            members.push_back({ level.first, format("%d", level.second) });
    std::vector<std::string> correct, shares, predicted;
    for (int a = 0; a < e.result.correct.cols; a++)
    {
        correct.push_back(format("%d", e.result.correct.at<int>(i, a)));
        shares.push_back(shortest(e.result.perPair.at<double>(i, a)));
    }
    members.insert(members.end(), { { "points", format("%d", e.result.points.at<int>(i)) }, { "correct", array(correct) },
                                    { "pck", array(shares) } });
    for (size_t k = 0; withPoints && k < e.values[i].size(); k += 2)
        predicted.push_back(array({ shortest(e.values[i][k], true), shortest(e.values[i][k + 1], true) }));
    if (withPoints)
        members.push_back({ "predicted", array(predicted) });
    return object(members);
}

inline std::string modelJson(const Evaluation& e, const Options& o)
{
    Members members = { { "file", quoted(e.method.model) }, { "sha256", quoted(e.modelSum) } };
    if (!o.backbone.empty())
        members.insert(members.end(), { { "backbone", quoted(o.backbone) }, { "backbone_sha256", quoted(e.backboneSum) } });
    return object(members);
}

inline std::string conventionsJson(const Options& o)
{
    const Convention& c = o.convention;
    return object({ { "name", quoted(o.conventionName) }, { "reference", quoted(referenceNames[c.reference]) },
                    { "per", quoted(perNames[c.perPoint]) }, { "coordinates", quoted(coordinatesNames[c.square]) },
                    { "direction", quoted(directionNames[c.backwards]) }, { "cells", quoted(cellsNames[c.cornerCells]) } });
}

inline std::string commandJson(const Evaluation& e, const Options& o)
{
    const std::string model = e.method.model.empty() ? "" : " --model=" + e.method.model;
    return quoted(o.command + model + " --mode=" + modeNames[e.method.mode]);
}

// The run in one line: journals of the same run begin with the same
inline std::string runJson(const Evaluation& e, const Options& o)
{
    return object({ { "journal", "1" }, { "version", quoted(CV_VERSION) }, { "command", commandJson(e, o) },
                    { "model", modelJson(e, o) }, { "data_sha256", quoted(e.dataSum) } });
}

inline std::string toJson(const Evaluation& e, const Options& o)
{
    std::vector<std::string> alphas, categories, nuisances, pairs;
    Members leakFree, figures;
    for (double alpha : o.alphas)
        alphas.push_back(shortest(alpha));
    for (const Row& row : e.rows)
    {
        const Members values = { { "pairs", format("%d", row.pairs) }, { "pck", sharesJson(row) },
                                 { "interval", intervalsJson(row) } };
        Members named = { { "name", quoted(row.name) } };
        const size_t space = row.name.find(' ');
        if (row.group == "nuisance")
            named = { { "name", quoted(row.name.substr(0, space)) }, { "level", row.name.substr(space + 1) } };
        named.insert(named.end(), values.begin(), values.end());
        const bool isLeakFree = row.group.compare(0, 10, "leak-free ") == 0;
        const std::string group = isLeakFree ? row.group.substr(10) : row.group;
        if (group == "category")
            categories.push_back(object(named));
        else if (group == "nuisance")
            nuisances.push_back(object(named));
        else
        {
            Members& into = isLeakFree ? leakFree : figures;
            if (isLeakFree && leakFree.empty())
                leakFree.push_back(values[0]);
            into.insert(into.end(), { { group, sharesJson(row) }, { group + "_interval", intervalsJson(row) } });
        }
    }
    for (int i = 0; i < (int)e.pairs.size(); i++)
        pairs.push_back("\n  " + pairJson(e, i, o.dataset != "tss"));

    Members all = { { "schema", "1" }, { "version", quoted(CV_VERSION) }, { "command", commandJson(e, o) },
                    { "method", quoted(e.method.name) }, { "mode", quoted(modeNames[e.method.mode]) },
                    { "model", modelJson(e, o) },
                    { "data", object({ { "dataset", quoted(o.dataset) }, { "root", quoted(o.root) }, { "split", quoted(o.split) },
                                       { "pairs", format("%d", (int)pairs.size()) }, { "sha256", quoted(e.dataSum) } }) },
                    { "conventions", conventionsJson(o) }, { "alphas", array(alphas) } };
    all.insert(all.end(), figures.begin(), figures.end());
    all.insert(all.end(), { { "bootstrap", object({ { "resamples", format("%d", o.resamples) }, { "confidence", "0.95" },
                                                    { "seed", format("%d", o.seed) } }) },
                            { "categories", array(categories, ", ") }, { "nuisances", array(nuisances, ", ") } });
    if (!leakFree.empty())
        all.push_back({ "leak_free", object(leakFree) });
    all.push_back({ "pairs", "[" + joined(pairs, ",") + "\n ]" });
    return object(all, "\n ", "\n") + "\n";
}

inline int namedNode(const FileNode& node, const std::string& key, const std::vector<std::string>& names)
{
    const std::vector<std::string>::const_iterator found = std::find(names.begin(), names.end(), (std::string)node[key]);
    if (found == names.end())
        throw std::runtime_error(key + " is \"" + (std::string)node[key] + "\", expected one of " + joined(names, ", "));
    return (int)(found - names.begin());
}

inline bool openJson(const std::string& content, FileStorage& file)
{
    try
    {
        return file.open(content, FileStorage::READ | FileStorage::FORMAT_JSON | FileStorage::MEMORY);
    }
    catch (const cv::Exception&)
    {
        return false;  // its text is about the parser
    }
}

// A result as toJson wrote it
inline semcorr::PCKResult readResult(const std::string& path)
{
    try
    {
        std::string content;
        if (!readFile(path, content))
            throw std::runtime_error("it cannot be read");
        FileStorage file;
        if (!openJson(content, file) || (int)file["schema"] != 1 || file["pairs"].size() == 0)
            throw std::runtime_error("it is not a result of this program");
        std::vector<double> alphas;
        for (const FileNode& alpha : file["alphas"])
            alphas.push_back((double)alpha);
        const FileNode c = file["conventions"], list = file["pairs"];
        const Convention convention = { namedNode(c, "reference", referenceNames), namedNode(c, "per", perNames) == 1,
                                        namedNode(c, "coordinates", coordinatesNames) == 1,
                                        namedNode(c, "direction", directionNames) == 1, false };
        std::vector<semcorr::ImagePair> pairs;
        std::vector<int> points, correct;
        for (const FileNode& node : list)
        {
            semcorr::ImagePair pair;
            pair.id = (String)node["id"];
            pair.category = (String)node["category"];
            pairs.push_back(pair);
            points.push_back((int)node["points"]);
            for (const FileNode& count : node["correct"])
                correct.push_back((int)count);
        }
        if (correct.size() != pairs.size() * alphas.size())
            throw std::runtime_error("its pairs have not as many counts as there are alphas");
        return semcorr::summarizePCK(pairs, points, Mat(correct).reshape(1, (int)pairs.size()), alphas, convention.reference,
                                     convention.flags());
    }
    catch (const cv::Exception& e)
    {
        throw std::runtime_error("cannot take a result from " + path + ": " + e.err);
    }
    catch (const std::exception& e)
    {
        throw std::runtime_error("cannot take a result from " + path + ": " + e.what());
    }
}

// How much `result` is better than `other`, in percentage points
inline void printComparison(const semcorr::PCKResult& other, const std::string& otherName, const semcorr::PCKResult& result,
                            const std::string& name, const Options& options)
{
    const semcorr::PCKComparison c = semcorr::comparePCK(other, result, options.resamples, 0.95, options.seed);
    printf("%s against %s, %d pairs: difference in percentage points\n\n%25s", name.c_str(), otherName.c_str(), c.pairs, "");
    for (double alpha : result.alphas)
        printf("  @%-29s", shortest(alpha).c_str());
    const std::vector<double>* differences[] = { &c.mean, &c.overall };
    const std::vector<double>* chances[] = { &c.meanP, &c.overallP };
    const Mat* intervals[] = { &c.meanInterval, &c.overallInterval };
    const char* titles[] = { "mean over categories", result.flags & semcorr::PCK_PER_POINT ? "all points" : "all pairs" };
    for (int row = 0; row < 2; row++)
    {
        printf("\n%-25s", titles[row]);
        for (size_t a = 0; a < result.alphas.size(); a++)
        {
            const Vec2d& ends = intervals[row]->at<Vec2d>((int)a);
            printf("  %+5.1f [%+5.1f, %+5.1f] p = %.3f", 100 * (*differences[row])[a], 100 * ends[0], 100 * ends[1],
                   (*chances[row])[a]);
        }
    }
    printf("\n%-25s", "pairs better / worse");
    for (size_t a = 0; a < result.alphas.size(); a++)
        printf("  %-30s", format("%d / %d", c.better[a], c.worse[a]).c_str());
    printf("\n\n");
}

}

#endif
