// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.
#include "test_pairs.hpp"
#include "opencv2/imgcodecs.hpp"

namespace opencv_test { namespace {

static const char HEADER2[] = "imageA,imageB,XA1,XA2,YA1,YA2,XB1,XB2,YB1,YB2\n";

TEST_F(Semcorr_Pairs, plain_csv)
{
    writePicture("Car/one.png", 400, 300);
    writePicture("Car/two.png", 200, 100);
    write("val_pairs.csv", std::string(HEADER2) + "Car/one.png,Car/two.png,1.5,2,3,4.25,5,6,7,8\n");
    const ImagePair pair = readOne("csv", "val");
    EXPECT_EQ("Car/one.png:Car/two.png", pair.id);
    EXPECT_EQ("Car", pair.category);
    EXPECT_EQ(path("Car/one.png"), pair.image1);
    EXPECT_EQ(path("Car/two.png"), pair.image2);
    EXPECT_EQ(Size(400, 300), pair.size1);
    EXPECT_EQ(Size(200, 100), pair.size2);
    EXPECT_TRUE(hasPoints(pair.points1, { { 1.5f, 3 }, { 2, 4.25f } }));
    EXPECT_TRUE(hasPoints(pair.points2, { { 5, 7 }, { 6, 8 } }));
    EXPECT_TRUE(pair.box1.empty() && pair.box2.empty());
    EXPECT_FALSE(pair.flip1 || pair.flip2);
    EXPECT_EQ(-1, pair.viewpoint);
    EXPECT_EQ(-1, pair.leaked);
    EXPECT_EQ("", pair.flow);
    EXPECT_TRUE(checkDataset("csv", folder, "val").empty());
}

TEST_F(Semcorr_Pairs, pictures_alone)
{
    writePicture("Car/one.png", 400, 300);
    writePicture("Car/two.png", 200, 100);
    write("train_pairs.csv", "imageB,imageA\nCar/two.png,Car/one.png\n");
    const ImagePair pair = readOne("images", "train");
    EXPECT_EQ("Car/one.png:Car/two.png", pair.id);
    EXPECT_EQ("Car", pair.category);
    EXPECT_EQ(Size(200, 100), pair.size2);
    EXPECT_TRUE(pair.points1.empty() && pair.points2.empty());
    EXPECT_ERROR(computePCK({ pair }, std::vector<Mat>(1), { 0.1 }), "points2");
    write("train_pairs.csv", "imageA\nCar/one.png\n");
    EXPECT_ERROR(readOne("images", "train"), "no column is named \"imageB\"");
}

// Columns in any order, a byte order mark, Windows line ends, blank lines, quotes, invisible keypoints, repeated pairs
TEST_F(Semcorr_Pairs, plain_csv_as_spreadsheets_write_it)
{
    writePicture("a, b.png", 10, 10);
    write("x.csv", "\xEF\xBB\xBF" "YA2,YA1,XA2,XA1,imageB,imageA,\"category\",XB1,XB2,YB1,YB2\r\n"
                   "\r\n"
                   "1,2,3,4,\"a, b.png\" ,\"a, b.png\",\"a \"\"big\"\" cat\",5,6,7,8\r\n"
                   ",2,,4,\"a, b.png\",\"a, b.png\",cat,5,nan,7,NaN\r\n"
                   "1,2,3,4,\"a, b.png\",\"a, b.png\",cat,5,,7,");
    const std::vector<ImagePair> pairs = read("csv", "x.csv");
    ASSERT_EQ(3u, pairs.size());
    EXPECT_EQ("a \"big\" cat", pairs[0].category);
    EXPECT_EQ("a, b.png:a, b.png", pairs[0].id);
    EXPECT_EQ("a, b.png:a, b.png#2", pairs[1].id);
    EXPECT_EQ("a, b.png:a, b.png#3", pairs[2].id);
    EXPECT_TRUE(hasPoints(pairs[0].points1, { { 4, 2 }, { 3, 1 } }));
    EXPECT_TRUE(hasPoints(pairs[0].points2, { { 5, 7 }, { 6, 8 } }));
    EXPECT_TRUE(hasPoints(pairs[1].points1, { { 4, 2 } }));
    EXPECT_TRUE(hasPoints(pairs[2].points2, { { 5, 7 } }));
}

TEST_F(Semcorr_Pairs, plain_csv_outside_of_root)
{
    writePicture("data/one.png", 10, 10);
    write("lists/mine.csv", std::string(HEADER2) + "one.png,one.png,1,2,3,4,5,6,7,8\n");
    std::vector<ImagePair> pairs;
    readPairs("csv", path("data"), path("lists/mine.csv"), pairs);
    ASSERT_EQ(1u, pairs.size());
    EXPECT_EQ("", pairs[0].category);
    EXPECT_EQ(path("data/one.png"), pairs[0].image1);
}

TEST_F(Semcorr_Pairs, sizes_of_real_pictures)
{
    const Mat image(37, 53, CV_8UC3, Scalar(10, 20, 30));
    const auto sizeOf = [&](const std::string& name) {
        write("x.csv", std::string(HEADER2) + name + "," + name + ",1,2,3,4,5,6,7,8\n");
        return readOne("csv", "x.csv").size1;
    };
    ASSERT_TRUE(imwrite(path("a.png"), image));
    ASSERT_TRUE(imwrite(path("b.jpg"), image));
    ASSERT_TRUE(imwrite(path("c.jpg"), image, { IMWRITE_JPEG_PROGRESSIVE, 1 }));
    EXPECT_EQ(image.size(), sizeOf("a.png"));
    EXPECT_EQ(image.size(), sizeOf("b.jpg"));
    EXPECT_EQ(image.size(), sizeOf("c.jpg"));
    const std::string jpeg = readAll(path("b.jpg"));  // with a comment of 300 bytes and filling before a marker
    write("d.jpg", jpeg.substr(0, 2) + "\xFF\xFE\x01\x2C" + std::string(298, '\xC0') + "\xFF\xFF" + jpeg.substr(2));
    EXPECT_EQ(image.size(), sizeOf("d.jpg"));
    writeAll(path("e.jpeg"), readAll(path("a.png")));  // a PNG of another name
    EXPECT_EQ(image.size(), sizeOf("e.jpeg"));
    write("f.tif", "II*");  // a kind that is not looked into
    EXPECT_EQ(Size(), sizeOf("f.tif"));
    for (size_t size : { 0, 1, 2, 20, 150 })
    {
        write("g.jpg", jpeg.substr(0, size));
        EXPECT_ERROR(sizeOf("g.jpg"), "g.jpg\" is damaged");
    }
    writePicture("h.png", 0, 5);
    EXPECT_ERROR(sizeOf("h.png"), "h.png\" is damaged");
    EXPECT_ERROR(sizeOf("none.png"), "x.csv:2: picture \"" + path("none.png") + "\" is missing");
    EXPECT_ERROR(sizeOf("."), "is missing");
}

TEST_F(Semcorr_Pairs, errors_name_file_and_line)
{
    writePicture("a.png", 10, 10);
    const auto list = [&](const std::string& content) {
        write("x.csv", content);
        return read("csv", "x.csv");
    };
    const std::string header = HEADER2, good = "a.png,a.png,1,2,3,4,5,6,7,8\n", place = path("x.csv");
    EXPECT_ERROR(read("csv", "none"), "none_pairs.csv\" is missing");
    EXPECT_ERROR(list(""), "x.csv\" is empty");
    EXPECT_ERROR(list(header), "holds no pairs");
    EXPECT_ERROR(list("\nimageA,XA1\n"), place + ":2: no column is named \"imageB\"");
    EXPECT_ERROR(list("imageA,imageB\n"), "no column is named \"XA1\"");
    EXPECT_ERROR(list("imageA;imageB;XA1;YA1;XB1;YB1\n"), "\"imageA\", nor is there any comma");
    EXPECT_ERROR(list("imageA,imageB,XA1,YA1,XB1\n"), "no column is named \"YB1\"");
    EXPECT_ERROR(list(header + good + "\n" + "a.png,a.png,1,2,3,4,5,6,7\n"), place + ":4: 9 cells, expected 10");
    EXPECT_ERROR(list(header + "a.png,a.png,1,2,3,4,5,6,7,x8\n"), place + ":2: \"x8\" is no number");
    EXPECT_ERROR(list(header + "a.png,a.png,1,2,3,4,5,6,7,8 9\n"), "\"8 9\" is no number");
    EXPECT_ERROR(list(header + "a.png,a.png,1,2,3,4,5,6,7,1e999\n"), "\"1e999\" is no number");
    EXPECT_ERROR(list(header + "a.png,a.png,1,2,3,4,5,6,7,inf\n"), "\"inf\" is no number");
    EXPECT_ERROR(list(header + "a.png,a.png,1,2,3,4,5,6,7,1e30\n"), "a keypoint is at (6, 1e+30)");
    EXPECT_ERROR(list(header + "a.png,a.png,1,2,3,4,5,6,7,\n"), "a keypoint is at (6, nan)");
    EXPECT_ERROR(list(header + "a.png,a.png,,,,,5,6,7,8\n"), place + ":2: no keypoint is visible in both pictures");
    EXPECT_ERROR(list(header + "\"a.png,a.png,1,2,3,4,5,6,7,8\n"), "a quote is not closed");
    std::vector<ImagePair> pairs;
    EXPECT_ERROR(readPairs("csv", path("nowhere"), "x.csv", pairs), "nowhere\" is no folder");
    EXPECT_ERROR(readPairs("CSV", folder, "x.csv", pairs), "dataset is \"CSV\", expected \"csv\", \"images\", \"pfpascal\"");
    EXPECT_ERROR(checkDataset("CSV", folder, "x.csv"), "dataset is \"CSV\"");
    EXPECT_EQ(1u, checkDataset("csv", path("nowhere"), "x.csv").size());
}

TEST_F(Semcorr_Pairs, check_lists_all_problems)
{
    writePicture("a.png", 10, 10);
    write("x.csv", std::string(HEADER2) + "a.png,b.png,1,2,3,4,5,6,7,8\n"     // missing
                                          "b.png,c.png,1,2,3,4,5,6,7,8\n"     // b not again, but c
                                          "a.png,a.png,1,2,3,4,5,6,7\n"       // too short
                                          "a.png,a.png,1,2,3,4,5,6,7\n"       // too short, too
                                          "a.png,a.png,1,2,3,4,5,6,7,8\n");
    const std::vector<String> problems = checkDataset("csv", folder, "x.csv");
    ASSERT_EQ(4u, problems.size());
    EXPECT_EQ(path("x.csv") + ":2: picture \"" + path("b.png") + "\" is missing", problems[0]);
    EXPECT_EQ(path("x.csv") + ":3: picture \"" + path("c.png") + "\" is missing", problems[1]);
    EXPECT_EQ(path("x.csv") + ":4: 9 cells, expected 10 as in the first line", problems[2]);
    EXPECT_EQ(path("x.csv") + ":5: 9 cells, expected 10 as in the first line", problems[3]);
    EXPECT_ERROR(read("csv", "x.csv"), problems[0]);
}

// Decimal points stay points where the rest of the program uses commas.
TEST_F(Semcorr_Pairs, numbers_do_not_depend_on_the_locale)
{
    struct Comma : std::numpunct<char>
    {
        char do_decimal_point() const CV_OVERRIDE { return ','; }
    };
    writePicture("a.png", 10, 10);
    write("x.csv", std::string(HEADER2) + "a.png,a.png,1.5,2,3,4,5,6,7,8\n");
    const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Comma));
    const ImagePair pair = readOne("csv", "x.csv");
    std::locale::global(before);
    EXPECT_TRUE(hasPoints(pair.points1, { { 1.5f, 3 }, { 2, 4 } }));
}

TEST_F(Semcorr_Pairs, pf_willow)
{
    makePFWillow();
    for (const char* layout : { "", "PF-dataset/" })
    {
        const std::vector<ImagePair> pairs = read("pfwillow", "test");
        ASSERT_EQ(1u, pairs.size()) << layout;
        EXPECT_EQ("PF-dataset/car(G)/one.png:PF-dataset/car(G)/two.png", pairs[0].id);
        EXPECT_EQ("car(G)", pairs[0].category);
        EXPECT_EQ(Size(300, 200), pairs[0].size1);
        ASSERT_EQ(10, pairs[0].points1.rows);
        EXPECT_EQ(Point2f(0, 10), pairs[0].points1.at<Point2f>(0));  // 1 and 11 in the file, which counts from 1
        EXPECT_EQ(Point2f(9, 19), pairs[0].points1.at<Point2f>(9));
        EXPECT_EQ(Point2f(20, 30), pairs[0].points2.at<Point2f>(0));
        EXPECT_EQ(Point2f(29, 39.5f), pairs[0].points2.at<Point2f>(9));
        // the list beside the folder that it names, and the pictures without it
        std::rename(path("PF-dataset/car(G)").c_str(), path("car(G)").c_str());
        std::rename(path("test_pairs.csv").c_str(), path("PF-dataset/test_pairs.csv").c_str());
    }
    EXPECT_ERROR(read("pfwillow", "val"), "split is \"val\", expected \"test\"");
    write("PF-dataset/test_pairs.csv", "imageA,imageB,XA1\n");
    EXPECT_ERROR(read("pfwillow", "test"), "3 columns, expected 42");
}

// Real lists and pictures, where they are at hand
TEST(Semcorr_SharedData, willow)
{
    const char* shared = std::getenv("SEMCORR_SHARED");
    if (!shared)
        throw SkipTestException("SEMCORR_SHARED is not set");
    const std::string root = std::string(shared) + "/data/willow";
    std::vector<ImagePair> pairs;
    readPairs("csv", root, "val_pairs.csv", pairs);
    ASSERT_EQ(302u, pairs.size());
    for (size_t i = 0; i < pairs.size(); i++)
    {
        EXPECT_EQ(10, pairs[i].points1.rows);
        EXPECT_GE(400, std::max(pairs[i].size1.width, pairs[i].size1.height));
        EXPECT_LE(250, std::max(pairs[i].size1.width, pairs[i].size1.height));
    }
    EXPECT_EQ(Point2f(338.94f, 215.61f), pairs[0].points2.at<Point2f>(7));
    EXPECT_TRUE(checkDataset("csv", root, "train").empty());
}

}

void Semcorr_Pairs::makePFWillow() const
{
    std::string header = "imageA,imageB", line = "PF-dataset/car(G)/one.png,PF-dataset/car(G)/two.png";
    for (int i = 0; i < 40; i++)
    {
        header += format(",%s%d", i < 10 ? "XA" : i < 20 ? "YA" : i < 30 ? "XB" : "YB", i % 10 + 1);
        line += format(",%g", i == 39 ? 40.5 : i + 1.);
    }
    write("test_pairs.csv", header + "\n" + line + "\n");
    writePicture("PF-dataset/car(G)/one.png", 300, 200);
    writePicture("PF-dataset/car(G)/two.png", 100, 200);
}

}
