"""SQLAlchemy's ORM over psycopg2 with its pool: creates tables, fills and asks them, and changes them."""

import logging

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Text, create_engine, func, inspect, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, declarative_base, relationship
from steps import BYTES, LARGE, NOTICE, UNICODE, equal, lacks, run

Base = declarative_base()


class Author(Base):
    __tablename__ = "author"
    id = Column(Integer, primary_key=True)
    name = Column(Text, nullable=False, unique=True)
    picture = Column(LargeBinary)
    books = relationship("Book", back_populates="author", order_by="Book.id")


class Book(Base):
    __tablename__ = "book"
    id = Column(Integer, primary_key=True)
    title = Column(Text)
    author_id = Column(ForeignKey("author.id"))
    author = relationship("Author", back_populates="books")


engine = create_engine("postgresql+psycopg2://", pool_size=3)


def state_of(action):
    try:
        action()
    except DBAPIError as error:
        return error.orig.pgcode
    return None


def login():
    with engine.connect() as connection:
        equal(connection.scalar(text("SELECT current_user")), "app")


def create():
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    equal({"author", "book"} <= set(inspect(engine).get_table_names()), True)


def insert():
    with Session(engine) as session:
        session.add(Author(name=UNICODE, picture=BYTES, books=[Book(title=f"volume {n}") for n in range(100)]))
        session.commit()


def query():
    with Session(engine) as session:
        author = session.scalars(select(Author).where(Author.name == UNICODE)).one()
        equal([book.title for book in author.books], [f"volume {n}" for n in range(100)])
        equal(session.scalar(select(func.count()).select_from(Book).join(Author)), 100)


def migrate():
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE book ADD COLUMN pages integer NOT NULL DEFAULT 10"))
        connection.execute(text("UPDATE book SET pages = 20 WHERE id % 2 = 0"))
    # The same statement on every connection of the pool, whose plans know the old columns.
    for _ in range(10):
        with Session(engine) as session:
            equal(session.execute(text("SELECT sum(pages) FROM book")).scalar(), 1500)
    equal("pages" in {column["name"] for column in inspect(engine).get_columns("book")}, True)


def parameters():
    with engine.connect() as connection:
        given = {"i": 7, "b": 2**40, "t": "it's", "f": 1.5, "n": None, "yes": True}
        equal(dict(connection.execute(text("SELECT :i AS i, :b AS b, :t AS t, :f AS f, :n AS n, :yes AS yes"), given)
                   .mappings().one()), given)


def rollback():
    with Session(engine) as session:
        session.add(Author(name="nobody"))
        session.flush()
        session.rollback()
        equal(session.scalar(select(func.count()).select_from(Author)), 1)


def sqlstate():
    with Session(engine) as session:
        session.add(Author(name=UNICODE))
        equal(state_of(session.commit), "23505")
    with engine.connect() as connection:
        equal(state_of(lambda: connection.execute(text("SELECT 1 / 0"))), "22012")
        equal(connection.scalar(text("SELECT 1")), 1)


def notice():
    # SQLAlchemy takes them from psycopg2 and logs them.
    logged = []
    handler = logging.Handler()
    handler.emit = logged.append
    logger = logging.getLogger("sqlalchemy.dialects.postgresql")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    with engine.connect() as connection:
        connection.execute(text(NOTICE.replace(":", "\\:")))
    equal([record.getMessage() for record in logged], ["NOTICE:  a notice: 42"])


def large():
    with engine.connect() as connection:
        equal(sum(len(row[1]) for row in connection.execute(text(LARGE))), 10_000_000)


def bytea():
    with Session(engine) as session:
        equal(session.scalar(select(Author.picture)), BYTES)


def unicode():
    with Session(engine) as session:
        equal(session.scalar(select(Author.name)), UNICODE)


run(login, create, insert, query, migrate, parameters, rollback, sqlstate, notice, large, bytea, unicode)
Base.metadata.drop_all(engine)
for step in ("prepared", "copy_in", "copy_out", "cancel", "notify"):
    lacks(step, "left to the driver, and psycopg2 has a row of its own")
