// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// Measures matchers on a data set of semantic correspondence, by the conventions of published programs.

#include <chrono>
#include <cstdio>
#include <iostream>
#include <set>
#include "opencv2/core.hpp"
#include "opencv2/semcorr.hpp"
#include "evaluate/options.hpp"
#include "evaluate/predictor.hpp"
#include "evaluate/report.hpp"
#include "evaluate/sheets.hpp"
#include "evaluate/storage.hpp"

using namespace cv;
using namespace evaluate;

// A bar with the remaining time on a terminal, a line now and then elsewhere
class Progress
{
public:
    Progress(const std::string& name_, size_t done, size_t total_)
        : name(name_), first(done), total(total_), start(Clock::now()), shown(start - std::chrono::hours(1)),
          terminal(isTerminal())
    {
    }

    void update(size_t done)
    {
        const Clock::time_point now = Clock::now();
        if (done < total && now - shown < std::chrono::milliseconds(terminal ? 100 : 10000))
            return;
        shown = now;
        const double passed = std::chrono::duration<double>(now - start).count();
        const int seconds = done < total ? cvRound(passed / (done - first) * (total - done)) : (int)passed;
        const std::string bar(20 * done / total, '#');
        fprintf(stderr, "%s%s [%-20s] %d/%d pairs, %d:%02d %s%s", terminal ? "\r" : "", name.c_str(), bar.c_str(), (int)done,
                (int)total, seconds / 60, seconds % 60, done < total ? "left" : "in all", terminal && done < total ? " " : "\n");
    }

private:
    typedef std::chrono::steady_clock Clock;

    static bool isTerminal()
    {
#ifdef _WIN32
        return _isatty(_fileno(stderr)) != 0;
#else
        return isatty(fileno(stderr)) != 0;
#endif
    }

    const std::string name;
    const size_t first, total;
    const Clock::time_point start;
    Clock::time_point shown;
    const bool terminal;
};

// Of the identifiers, the keypoints and the sizes of the picture files
static std::string dataSum(const std::vector<semcorr::ImagePair>& pairs)
{
    std::string text;
    std::set<String> seen;
    for (const semcorr::ImagePair& pair : pairs)
    {
        text += pair.id + "\n";
        for (const Mat& points : { pair.points1, pair.points2 })
            if (!points.empty())
                text.append(points.ptr<char>(), points.total() * points.elemSize());
        for (const String& picture : { pair.image1, pair.image2 })
            if (seen.insert(picture).second)
                text += format("%lld\n", (long long)std::ifstream(picture.c_str(), std::ios::binary | std::ios::ate).tellg());
    }
    return semcorr::sha256(text.data(), text.size());
}

static std::vector<semcorr::ImagePair> readPairs(const Options& options)
{
    std::vector<semcorr::ImagePair> all, pairs;
    semcorr::readPairs(options.dataset, options.root, options.split, all);
    const size_t count = options.limit ? std::min(all.size(), (size_t)options.limit) : all.size();
    for (size_t i = 0; i < count; i++)
        pairs.push_back(all[i * all.size() / count]);
    return pairs;
}

static Evaluation evaluateMethod(const Options& options, const Method& method, const std::vector<semcorr::ImagePair>& pairs,
                                 const std::string& sum, Predictor& predictor)
{
    Evaluation e;
    e.method = method;
    e.modelSum = predictor.sum;
    e.backboneSum = predictor.backboneSum;
    e.dataSum = sum;
    e.pairs = pairs;
    std::vector<size_t> lengths;
    for (const semcorr::ImagePair& pair : pairs)
        lengths.push_back(predictor.valuesOf(pair));

    const std::string json = jsonOf(options, method);
    Journal journal(json.empty() ? json : json + ".part", runJson(e, options), options.resume, lengths, e.values);
    Progress progress(method.name, e.values.size(), pairs.size());
    while (e.values.size() < pairs.size())
    {
        e.values.push_back(predictor.predict(pairs[e.values.size()]));
        journal.add(e.values.size() - 1, e.values.back());
        progress.update(e.values.size());
    }
    finish(e, options);
    if (!json.empty())
        writeFile(json, toJson(e, options));
    if (!options.visualize.empty())
        drawSheets(e, options, predictor);
    return e;
}

// The mean over categories of several methods
static void printMethods(const std::vector<Evaluation>& evaluations, const Options& options)
{
    std::vector<Row> rows;
    for (const Evaluation& e : evaluations)
        for (const Row& row : e.rows)
            if (row.group == "mean")
            {
                rows.push_back(row);
                rows.back().name = e.method.name;
            }
    printf("mean over categories, ");
    printTable(rows, options);
}

static void run(const Options& options)
{
    if (options.compare.size() == 2)
    {
        const std::string &own = options.compare[0], &other = options.compare[1];
        printComparison(readResult(other), other, readResult(own), own, options);
        return;
    }
    if (options.check)
    {
        const std::vector<String> problems = semcorr::checkDataset(options.dataset, options.root, options.split);
        for (const String& problem : problems)
            printf("%s\n", problem.c_str());
        if (!problems.empty())
            throw std::runtime_error(format("%d problems in the data set", (int)problems.size()));
        printf("no problems\n");
        return;
    }
    const std::vector<semcorr::ImagePair> pairs = readPairs(options);
    const std::string sum = dataSum(pairs);
    semcorr::PCKResult other;
    if (!options.compare.empty())
        other = readResult(options.compare[0]);
    rehearse(pairs, options, other);
    if (!options.visualize.empty())
        makeFolder(options.visualize);
    if (!options.csv.empty())
        writeFile(options.csv, toCsv({}, options));
    FeatureCache cache(options.cacheMemory, options.cache);
    std::vector<Ptr<Predictor> > predictors;  // all of them now, so that a missing model is found before the long work
    for (const Method& method : options.methods)
        predictors.push_back(Ptr<Predictor>(new Predictor(options, method, cache)));
    std::vector<Evaluation> evaluations;
    for (size_t i = 0; i < predictors.size(); i++)
    {
        const Method& method = options.methods[i];
        evaluations.push_back(evaluateMethod(options, method, pairs, sum, *predictors[i]));
        predictors[i].release();
        printf("%s\n", method.name.c_str());
        printTable(evaluations.back().rows, options);
        if (!options.compare.empty())
            printComparison(other, options.compare[0], evaluations.back().result, method.name, options);
        fflush(stdout);
        if (!options.csv.empty())
            writeFile(options.csv, toCsv(evaluations, options));
    }
    if (evaluations.size() > 1)
        printMethods(evaluations, options);
    for (const Method& method : options.methods)  // only now, so that --resume need not repeat the methods that are done
        if (!options.json.empty())
            std::remove((jsonOf(options, method) + ".part").c_str());
}

int main(int argc, char** argv)
{
    try
    {
        const Options options = parseOptions(argc, argv);
        if (!options.help)
            run(options);
        return 0;
    }
    catch (const cv::Exception& e)
    {
        std::cerr << "example_semcorr_evaluate: " << e.err << std::endl;
    }
    catch (const std::exception& e)
    {
        std::cerr << "example_semcorr_evaluate: " << e.what() << std::endl;
    }
    return 1;
}
